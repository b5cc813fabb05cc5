/**
 * Earn: a stream per payee and plan. A credit changes the earnings of its deal's lines and of
 * other lines that depend on them. The difference between the earnings and what was posted before is posted.
 */
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { requireDeal } from '@tantieme/commission-engine/incremental/loaded';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { formatMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { packByLine, unpackLines } from '../credit/credit-lines.js';
import { withBooks } from './book-entries.js';
import { EARN_ENGINES } from './earn-engines.js';
import { EARNING_EVENTS, storedInput } from './earning-events.js';
import type { CreditInput, EarningEvent, PlanConstants, PayeeTermsInput } from './earning-events.js';
import { creditOfChild, creditOfGrant } from './earning-inputs.js';
import type { ChildInput, GrantInput } from './earning-inputs.js';
import { changeOf, conclude, listOf } from './conclusions.js';
import { decideClose, decideReopen } from './earning-period.js';
import type { ClosePeriod, ReopenPeriod } from './earning-period.js';
import { EARNING, payeePlanOf } from './earning-stream.js';
import { initialState, sizeOf, evolve } from './earning-state.js';
import type { EarningState, Calculation } from './earning-state.js';

/** `engine` is set for the command of a stored event: the version that decided it. */
export type EarningCommand = { readonly engine?: number } & (
  | ({ readonly type: 'credit'; readonly at: string } & PlanConstants & CreditInput)
  | ({ readonly type: 'receive-child-earning'; readonly at: string } & PlanConstants & ChildInput)
  | ({ readonly type: 'receive-grant'; readonly at: string } & PlanConstants & GrantInput)
  | ({ readonly type: 'receive-payee-terms'; readonly at: string } & PlanConstants & PayeeTermsInput)
  | ClosePeriod
  | ReopenPeriod
);

/** @param plans every plan document in the log */
export function earningDecider(
  plans: PlanByVersion,
  engines = EARN_ENGINES,
): Decider<EarningState, EarningCommand, EarningEvent> {
  const newest = engines.of(engines.newest);
  const calculationOf = (version: number): Calculation => ({ plans, version, engine: engines.of(version), newest });
  return {
    category: EARNING,
    events: EARNING_EVENTS,
    initialState,
    decide(command, state) {
      const calculation = calculationOf(command.engine ?? engines.newest);
      return withBooks(() => decide(command, state, calculation));
    },
    evolve: (state, event) => evolve(state, event, calculationOf(event.data.engine)),
    commandOf,
    storesRuns: true,
    sizeOf,
  };
}

function decide(command: EarningCommand, state: EarningState, calculation: Calculation): readonly EarningEvent[] {
  if ('deal' in command) requireDeal(state.engine, command.deal);
  switch (command.type) {
    case 'credit':
      return decideCredit(command, state, calculation);
    case 'receive-child-earning':
      return decideChild(command, state, calculation);
    case 'receive-grant':
      return decideGrant(command, state, calculation);
    case 'receive-payee-terms':
      return decidePayeeTerms(command, state, calculation);
    case 'close-period':
      return decideClose(command, state, calculation);
    case 'reopen-period':
      return decideReopen(command, state, calculation);
    default:
      return command satisfies never;
  }
}

function decideCredit(
  command: Extract<EarningCommand, { readonly type: 'credit' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { currency, calendar, deal, number, groups, openFrom, above, at } = command;
  const { engine, plans } = calculation;
  if (number <= (state.creditNumbers.get(deal) ?? 0)) return [];
  // Recorded even if nothing changes, so that a lower number that arrives later is ignored.
  const change = changeOf(() => engine.diffCredit(state.engine, { deal, lines: unpackLines(groups) }, plans));
  const aboveOf = (one: string) => (one === deal ? above : state.above.get(one));
  const { rated, deals = [], ...conclusions } = conclude(state, change, currency, openFrom, aboveOf, calculation);
  const decimals = decimalsOf(currency);
  const earned = change.changed
    ? change.deals.find((one) => one.deal === deal)?.lines
    : linesOfDeal(state.engine, deal);
  const own = deals[0]?.deal === deal ? deals[0] : undefined;
  const listed = own?.lines.every(({ period, origin }) => period === origin) ? deals.slice(1) : deals;
  const data = omitUndefined({
    currency,
    calendar,
    input: storedInput({ deal, number, groups, openFrom, ...(above === undefined ? {} : { above }) }),
    amounts: packByLine(
      groups,
      (earned ?? []).map(({ amountMinor }) => formatMinor(amountMinor, decimals)),
    ),
    unchanged: own === undefined ? (true as const) : undefined,
    rated: listOf(rated?.filter((one) => one.deal !== undefined)),
    ...conclusions,
    deals: listOf(listed),
  });
  return [{ type: 'Earned', version: 1, occurredAt: at, data }];
}

function decideChild(
  command: Extract<EarningCommand, { readonly type: 'receive-child-earning' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { type: _type, engine: _engine, currency, calendar, at, ...input } = command;
  const { engine, plans } = calculation;
  if (input.revision <= (state.childRevisions.get(input.deal)?.get(input.child) ?? -1)) return [];
  const change = changeOf(() => engine.diffCredit(state.engine, creditOfChild(state.engine, input), plans));
  const conclusions = conclude(state, change, currency, input.openFrom, (one) => state.above.get(one), calculation);
  return [
    {
      type: 'ChildEarningReceived',
      version: 1,
      occurredAt: at,
      data: { currency, calendar, input: storedInput(input), ...conclusions },
    },
  ];
}

function decideGrant(
  command: Extract<EarningCommand, { readonly type: 'receive-grant' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { type: _type, engine: _engine, currency, calendar, at, ...input } = command;
  const { engine, plans } = calculation;
  if (input.revision <= (state.grantRevisions.get(input.deal)?.get(input.component) ?? -1)) return [];
  const change = changeOf(() => engine.diffCredit(state.engine, creditOfGrant(state.engine, input), plans));
  const conclusions = conclude(state, change, currency, input.openFrom, (one) => state.above.get(one), calculation);
  return [
    {
      type: 'GrantReceived',
      version: 1,
      occurredAt: at,
      data: { currency, calendar, input: storedInput(input), ...conclusions },
    },
  ];
}

function decidePayeeTerms(
  command: Extract<EarningCommand, { readonly type: 'receive-payee-terms' }>,
  state: EarningState,
  calculation: Calculation,
): readonly EarningEvent[] {
  const { type: _type, engine: _engine, currency, calendar, at, ...input } = command;
  const { engine, plans } = calculation;
  const { agreements, quotas } = state.engine.payeeTerms;
  const isSame =
    state.plan !== undefined && canonicalJson([agreements, quotas]) === canonicalJson([input.agreements, input.quotas]);
  if (isSame) return [];
  const now = { ...state.engine.payeeTerms, agreements: input.agreements, quotas: input.quotas };
  const change = changeOf(() => engine.diffPayeeTerms(state.engine, now, plans));
  const conclusions = conclude(state, change, currency, input.openFrom, (one) => state.above.get(one), calculation);
  return [
    {
      type: 'PayeeTermsReceived',
      version: 1,
      occurredAt: at,
      data: { currency, calendar, input: storedInput(input), ...conclusions },
    },
  ];
}

function commandOf(event: EarningEvent): EarningCommand {
  const {
    occurredAt: at,
    data: { engine },
  } = event;
  switch (event.type) {
    case 'Earned': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'credit', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'ChildEarningReceived': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'receive-child-earning', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'GrantReceived': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'receive-grant', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'PayeeTermsReceived': {
      const {
        currency,
        calendar,
        input: { openFrom = null, ...input },
      } = event.data;
      return { type: 'receive-payee-terms', currency, calendar, ...input, openFrom, engine, at };
    }
    case 'EarningPeriodReopened':
      return { type: 'reopen-period', openFrom: null, ...event.data.input, engine, at };
    case 'EarningPeriodClosed': {
      const { period, planVersion, entry } = event.data;
      const { stream, minimum } = entry;
      return { type: 'close-period', ...payeePlanOf(stream), period, planVersion, minimum, engine, at };
    }
    default:
      return event satisfies never;
  }
}
