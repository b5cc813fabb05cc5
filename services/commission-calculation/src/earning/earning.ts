/**
 * Earn: a stream a payee × plan. Each credit of a deal changes what the lines of the payee earn, its own and, in the same
 * measurement, those after it; what differs from what was posted is posted.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { calendarOf } from '@tantieme/time/calendar/key';
import { nextPeriod, windowEndDay } from '@tantieme/time/calendar/periods';
import { endOfAgreement } from '@tantieme/commission-engine/earn/payee-terms';
import type { PayeeTerms, Agreement, Quota } from '@tantieme/commission-engine/earn/payee-terms';
import { applyChange } from '@tantieme/commission-engine/incremental/apply-change';
import { diffPayeeTerms, diffCredit } from '@tantieme/commission-engine/incremental/diff';
import { createEarnState, sizeOfEarnState } from '@tantieme/commission-engine/incremental/state';
import { linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { hasPeriodEndTerms, reachedTiers } from '@tantieme/commission-engine/incremental/period-end';
import type { CompiledPlan } from '@tantieme/commission-engine/plan/compiled';
import type { PlanByHash } from '@tantieme/commission-engine/earn/component-rules';
import type { Change } from '@tantieme/commission-engine/incremental/diff';
import type {
  PayeeLevelCredit,
  ChildEarning,
  DealClaims,
  DealMissingQuotas,
  EarnState,
  EarnedLine,
  RatedLine,
} from '@tantieme/commission-engine/incremental/state';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { EngineError } from '@tantieme/commission-engine/engine-error';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { fullStateRequired } from '@tantieme/event-sourcing/decide/partial-state';
import type { PartialStates } from '@tantieme/event-sourcing/decide/partial-state';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { formatMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { unpackLines } from '../credit/credit-lines.js';
import type { CreditGroup } from '../credit/credit-lines.js';
import { forgetOldDeals, isInTail, sizeOfTail } from './partial-state.js';
import type { Tail } from './partial-state.js';
import { childKey, creditOfChild, creditOfGrant, grantKey } from './earning-inputs.js';
import type { ChildInput, GrantInput } from './earning-inputs.js';
import { isSamePosting, ledgerLine, postedLines } from './posting.js';
import type { PostedLine } from './posting.js';

export const EARNING = 'earning';

/** Version of the arithmetic: a changed rule is a new one, and old events replay under the old one. */
export const EARN_ENGINE = 1;

export function earningStream(payee: string, plan: string): string {
  return `${EARNING}-${payee}|${plan}`;
}

/**
 * Rated lines that one event holds at the most, some 300 bytes each. A change of more is stored as its input alone and
 * computed again when it is read, as an append stays under 1 MiB.
 */
export const RATED_LINES_MAX = 600;

/** Posted lines that one event holds at the most (but always one deal), some 150 bytes each; the rest follows in further events. */
export const POSTED_LINES_MAX = 2000;

/** Whose earnings a stream holds; the same in all events of a stream. */
export interface EarningAccount {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  /** `monthly@Europe/Paris` */
  readonly calendar: string;
}

/** All that is posted of one deal, whole, in canonical order. */
export interface DealPosting {
  readonly deal: string;
  readonly lines: readonly PostedLine[];
}

export interface CreditInput {
  readonly deal: string;
  /** Of the crediting: the highest of a deal counts. */
  readonly number: number;
  /** The whole credit; empty for a deal that credits nothing any more. */
  readonly groups: readonly CreditGroup[];
  /** First open period of the calendar; null while none was closed. */
  readonly openFrom: string | null;
  /** Payees above, in order, who are paid on what this one earns with the deal; left out where there are none. */
  readonly above?: readonly string[];
}

/** Facts about the payee, whole. */
export interface FactsInput {
  readonly agreements: readonly Agreement[];
  readonly quotas: readonly Quota[];
  readonly openFrom: string | null;
}

export type EarningCommand =
  | ({ readonly type: 'credit'; readonly account: EarningAccount; readonly at: string } & CreditInput)
  | ({ readonly type: 'take-child'; readonly account: EarningAccount; readonly at: string } & ChildInput)
  | ({ readonly type: 'take-grant'; readonly account: EarningAccount; readonly at: string } & GrantInput)
  | ({ readonly type: 'take-facts'; readonly account: EarningAccount; readonly at: string } & FactsInput)
  /** Posts deals that a large change has left over. */
  | { readonly type: 'post-more'; readonly openFrom: string | null; readonly at: string }
  | {
      readonly type: 'close-period';
      readonly period: string;
      /** Smallest amount worth a payment, as the plan says it. */
      readonly minimum: string;
      /** The plan's version that is in force when the period begins. */
      readonly planHash: string;
      readonly at: string;
    };

/** `deal` is left out for the credited deal itself. */
export type StoredRating = Omit<RatedLine, 'deal'> & { readonly deal?: string };

/** What payees above are paid on: all that this one earns with a deal. */
export interface OverriddenDeal {
  readonly deal: string;
  readonly to: readonly string[];
  readonly earned: readonly Omit<ChildEarning, 'payee'>[];
}

/** What an input changes. */
export interface Conclusions {
  /** Lines whose amount is new or changed; left out where they are too many. */
  readonly rated?: readonly StoredRating[];
  /** Lines of no single deal, where they change. */
  readonly ofAccount?: readonly PayeeLevelCredit[];
  /** What is claimed of budgets, where it changes. */
  readonly claims?: readonly DealClaims[];
  /** Quotas that deals wait for, where that changes. */
  readonly lacking?: readonly DealMissingQuotas[];
  /** Left out where nobody above is paid on what changes. */
  readonly overridden?: readonly OverriddenDeal[];
  /** Deals whose posting changes, the credited one first, the others in order. */
  readonly deals: readonly DealPosting[];
  /** Changed deals that are still to be posted: they did not fit. */
  readonly left: number;
  readonly engine: typeof EARN_ENGINE;
}

interface Concluded<Type extends string, Input> {
  readonly type: Type;
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly account: EarningAccount; readonly input: Input } & Conclusions;
}

export type EarningEvent =
  | Concluded<'Earned', CreditInput>
  | Concluded<'ChildEarningTaken', ChildInput>
  | Concluded<'GrantTaken', GrantInput>
  | Concluded<'AccountFactsTaken', FactsInput>
  | {
      readonly type: 'EarningsPosted';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly account: EarningAccount;
        readonly input: { readonly openFrom: string | null };
        /** Deals that were left over and are done with now, changed or not. */
        readonly done: readonly string[];
        readonly deals: readonly DealPosting[];
      };
    }
  | {
      readonly type: 'EarningPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly account: EarningAccount;
        readonly period: string;
        readonly planHash: string;
        /** Guarantee and draw that the closing settles; left out where there are none. */
        readonly rated?: readonly StoredRating[];
        readonly ofAccount?: readonly PayeeLevelCredit[];
        /** Tiers that lagged measurements have reached, by component and window. */
        readonly reached?: PayeeTerms['reachedTiers'];
        /** Deals whose posting changes: lines of earlier periods that were never closed are posted in this one. */
        readonly deals: readonly DealPosting[];
        readonly entry: ManifestEntry;
      };
    };

type WithConclusions = Extract<EarningEvent, { readonly data: { readonly input: unknown; readonly engine: unknown } }>;

export interface EarningState {
  account: EarningAccount | undefined;
  readonly engine: EarnState;
  /** Highest crediting number taken, by deal. */
  readonly numbers: Map<string, number>;
  /** Posted lines of deals with a line outside of its period of origin; those of all others follow from what they earn. */
  readonly posted: Map<string, readonly PostedLine[]>;
  /** Changed deals that are still to be posted. */
  readonly unposted: Set<string>;
  /** Who above is paid on what is earned with a deal. */
  readonly above: Map<string, readonly string[]>;
  /** Highest revision taken of a child's stream, by deal and child. */
  readonly childRevisions: Map<string, number>;
  /** Highest revision taken of a budget's stream, by deal and component. */
  readonly grantRevisions: Map<string, number>;
  closedThrough: string | null;
  /** End of the payee's agreements of which a closing has said that what is negative then is forgiven. */
  forgivenEnd: string | undefined;
  /** Where only the newest deals are in memory; a decision that needs more is refused (`FullStateRequired`). */
  tail: Tail | undefined;
  /** True for a tail that did not see everything that was appended: it can decide nothing. */
  lost: boolean;
}

/** @param plans every plan document that a credit names: those that are in the log are known. */
export function earningDecider(plans: PlanByHash): Decider<EarningState, EarningCommand, EarningEvent> {
  return {
    category: EARNING,
    initialState: () => ({
      account: undefined,
      engine: createEarnState(),
      numbers: new Map(),
      posted: new Map(),
      unposted: new Set(),
      above: new Map(),
      childRevisions: new Map(),
      grantRevisions: new Map(),
      closedThrough: null,
      forgivenEnd: undefined,
      tail: undefined,
      lost: false,
    }),
    decide(command, state) {
      if (!suffices(state, command)) throw fullStateRequired();
      switch (command.type) {
        case 'credit':
          return decideCredit(command, state, plans);
        case 'take-child':
          return decideChild(command, state, plans);
        case 'take-grant':
          return decideGrant(command, state, plans);
        case 'take-facts':
          return decideFacts(command, state, plans);
        case 'post-more':
          return decideMore(command, state);
        case 'close-period':
          return decideClose(command, state, plans);
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => evolve(state, event, plans),
    commandOf,
    sizeOf: ({ engine, numbers, posted, tail }) => {
      let bytes = sizeOfEarnState(engine) + numbers.size * NUMBER_BYTES + (tail === undefined ? 0 : sizeOfTail(tail));
      for (const lines of posted.values()) bytes += 100 + lines.length * POSTED_LINE_BYTES;
      return bytes;
    },
  };
}

/** What an entry takes in memory, measured roughly. */
const NUMBER_BYTES = 60;
const POSTED_LINE_BYTES = 400;

/** True where what is in memory of the stream is enough for the command. */
function suffices({ tail, lost, engine }: EarningState, command: EarningCommand): boolean {
  if (tail === undefined) return true;
  if (lost) return false;
  if (command.type === 'credit') return isInTail(engine, tail, command.deal, unpackLines(command.groups));
  return command.type === 'post-more';
}

/** Components that are earned as a whole need all of their lines. */
function canBeTail({ unposted, engine }: EarningState): boolean {
  return unposted.size === 0 && engine.fullModeLineCount === 0;
}

/** Keeps `linesMax` lines of the newest deals and forgets the rest; the state then decides what is in order, and no more. */
export function keepTail(state: EarningState, linesMax: number): void {
  if (!canBeTail(state) || state.engine.lineCount <= linesMax) return;
  state.tail = forgetOldDeals(state.engine, state.tail, linesMax, (deal) => {
    state.numbers.delete(deal);
    state.posted.delete(deal);
  });
}

/** Lines that a tail keeps: what arrives out of order by some batches is still in it. */
const TAIL_LINES = 8;

/** A tail that has grown to this many lines is made one again where there is no room. */
const TAIL_LINES_MAX = 16;

export const EARNING_TAILS: PartialStates<EarningState> = {
  isPartial: ({ tail }) => tail !== undefined,
  canBecomePartial: canBeTail,
  makePartial: (state) => keepTail(state, TAIL_LINES),
  hasGrown: ({ engine }) => engine.lineCount > TAIL_LINES_MAX,
};

function decideCredit(
  command: Extract<EarningCommand, { readonly type: 'credit' }>,
  state: EarningState,
  plans: PlanByHash,
): readonly EarningEvent[] {
  const { account: said, deal, number, groups, openFrom, above, at } = command;
  if (number <= (state.numbers.get(deal) ?? 0)) return [];
  // A higher number that says the same is kept as well: a lower one that comes after it must not count.
  const change = changeOf(() => diffCredit(state.engine, { deal, lines: unpackLines(groups) }, plans));
  const account = state.account ?? said;
  const aboveOf = (one: string) => (one === deal ? above : state.above.get(one));
  const conclusions = conclude(state, change, account, openFrom, aboveOf);
  const input = { deal, number, groups, openFrom, ...(above === undefined ? {} : { above }) };
  return [{ type: 'Earned', version: 1, occurredAt: at, data: { account, input, ...conclusions } }];
}

function decideChild(
  command: Extract<EarningCommand, { readonly type: 'take-child' }>,
  state: EarningState,
  plans: PlanByHash,
): readonly EarningEvent[] {
  const { type: _type, account: said, at, ...input } = command;
  if (input.revision <= (state.childRevisions.get(childKey(input)) ?? -1)) return [];
  const change = changeOf(() => diffCredit(state.engine, creditOfChild(state.engine, input), plans));
  const account = state.account ?? said;
  const conclusions = conclude(state, change, account, input.openFrom, (one) => state.above.get(one));
  return [{ type: 'ChildEarningTaken', version: 1, occurredAt: at, data: { account, input, ...conclusions } }];
}

function decideGrant(
  command: Extract<EarningCommand, { readonly type: 'take-grant' }>,
  state: EarningState,
  plans: PlanByHash,
): readonly EarningEvent[] {
  const { type: _type, account: said, at, ...input } = command;
  if (input.revision <= (state.grantRevisions.get(grantKey(input)) ?? -1)) return [];
  const change = changeOf(() => diffCredit(state.engine, creditOfGrant(state.engine, input), plans));
  const account = state.account ?? said;
  const conclusions = conclude(state, change, account, input.openFrom, (one) => state.above.get(one));
  return [{ type: 'GrantTaken', version: 1, occurredAt: at, data: { account, input, ...conclusions } }];
}

function decideFacts(
  command: Extract<EarningCommand, { readonly type: 'take-facts' }>,
  state: EarningState,
  plans: PlanByHash,
): readonly EarningEvent[] {
  const { type: _type, account: said, at, ...input } = command;
  const { agreements, quotas } = state.engine.payeeTerms;
  const isSame =
    state.account !== undefined &&
    canonicalJson([agreements, quotas]) === canonicalJson([input.agreements, input.quotas]);
  if (isSame) return [];
  const now = { ...state.engine.payeeTerms, agreements: input.agreements, quotas: input.quotas };
  const change = changeOf(() => diffPayeeTerms(state.engine, now, plans));
  const account = state.account ?? said;
  const conclusions = conclude(state, change, account, input.openFrom, (one) => state.above.get(one));
  return [{ type: 'AccountFactsTaken', version: 1, occurredAt: at, data: { account, input, ...conclusions } }];
}

/** @throws {DomainError} `CreditInvalid`, for an input that no plan can have made */
function changeOf(plan: () => Change): Change {
  try {
    return plan();
  } catch (error) {
    if (error instanceof EngineError) throw new DomainError(error.code, error.message);
    throw error;
  }
}

function conclude(
  state: EarningState,
  change: Change,
  { currency }: EarningAccount,
  said: string | null,
  aboveOf: (deal: string) => readonly string[] | undefined,
): Conclusions {
  const { postings, left } = postingsOf(state, change.deals, currency, openFromOf(state, said));
  // Also where nothing changes for this payee: somebody may stand above now who did not before.
  const earned = change.changed ? change.deals : [{ deal: change.deal, lines: linesOfDeal(state.engine, change.deal) }];
  const overridden = overriddenBy(earned, aboveOf, decimalsOf(currency));
  return {
    ...(change.rated.length > RATED_LINES_MAX
      ? {}
      : {
          rated: change.rated.map((one) => storedRating(one, change.deal)),
          ...(change.payeeLevel.length === 0 ? {} : { ofAccount: change.payeeLevel }),
        }),
    ...(change.claims === undefined ? {} : { claims: change.claims }),
    ...(change.missingQuotas === undefined ? {} : { lacking: change.missingQuotas }),
    ...(overridden.length === 0 ? {} : { overridden }),
    deals: postings,
    left,
    engine: EARN_ENGINE,
  };
}

/** All that is earned with the changed deals that somebody above is paid on. */
function overriddenBy(
  deals: Change['deals'],
  aboveOf: (deal: string) => readonly string[] | undefined,
  decimals: number,
): readonly OverriddenDeal[] {
  return deals.flatMap(({ deal, lines }) => {
    const to = aboveOf(deal);
    if (to === undefined) return [];
    const earned = lines.flatMap(({ line, amountMinor }) =>
      line.reserves === true || line.releases !== undefined
        ? []
        : [{ key: lineKey(line), amount: formatMinor(amountMinor, decimals) }],
    );
    return [{ deal, to, earned }];
  });
}

function storedRating({ deal, key, amount, trace }: RatedLine, credited: string): StoredRating {
  return deal === credited ? { key, amount, trace } : { deal, key, amount, trace };
}

function ratedLine({ deal, key, amount, trace }: StoredRating, credited: string): RatedLine {
  return { deal: deal ?? credited, key, amount, trace };
}

/** The first open period: as the calendar said it, but never one that this stream has closed. */
function openFromOf({ account, closedThrough }: EarningState, said: string | null): string | null {
  if (account === undefined || closedThrough === null) return said;
  const own = nextPeriod(calendarOf(account.calendar), closedThrough);
  return said === null || own > said ? own : said;
}

/** What is posted of a deal now, in canonical order. */
export function postingOf({ engine, posted, account }: EarningState, deal: string): readonly PostedLine[] {
  const explicit = posted.get(deal);
  if (explicit !== undefined) return explicit;
  if (account === undefined) return [];
  return postedLines(linesOfDeal(engine, deal), [], null, decimalsOf(account.currency));
}

/** New postings of changed deals, in their order, as far as they fit; those that stay the same are left out. */
function postingsOf(
  state: EarningState,
  changed: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[],
  currency: string,
  openFrom: string | null,
): { readonly postings: readonly DealPosting[]; readonly left: number } {
  const decimals = decimalsOf(currency);
  const postings: DealPosting[] = [];
  let lineCount = 0;
  for (const [index, { deal, lines: earned }] of changed.entries()) {
    const before = postingOf(state, deal);
    const fixed = openFrom === null ? [] : before.filter(({ period }) => period < openFrom);
    const lines = postedLines(earned, fixed, openFrom, decimals);
    if (isSamePosting(before, lines)) continue;
    lineCount += lines.length;
    if (lineCount > POSTED_LINES_MAX && postings.length > 0) return { postings, left: changed.length - index };
    postings.push({ deal, lines });
  }
  return { postings, left: 0 };
}

function decideMore(
  { openFrom: said, at }: Extract<EarningCommand, { readonly type: 'post-more' }>,
  state: EarningState,
): readonly EarningEvent[] {
  const { account, unposted, engine } = state;
  if (account === undefined || unposted.size === 0) return [];
  const changed = [...unposted].map((deal) => ({ deal, lines: linesOfDeal(engine, deal) }));
  const { postings, left } = postingsOf(state, changed, account.currency, openFromOf(state, said));
  const done = changed.slice(0, changed.length - left).map(({ deal }) => deal);
  const data = { account, input: { openFrom: said }, done, deals: postings };
  return [{ type: 'EarningsPosted', version: 1, occurredAt: at, data }];
}

/** Nothing where the stream has no line in the period, or has closed it. @throws {DomainError} `PostingUnfinished` */
function decideClose(
  { period, minimum, planHash, at }: Extract<EarningCommand, { readonly type: 'close-period' }>,
  state: EarningState,
  plans: PlanByHash,
): readonly EarningEvent[] {
  const { account, closedThrough, unposted } = state;
  if (account === undefined || (closedThrough !== null && closedThrough >= period)) return [];
  if (unposted.size > 0)
    throw new DomainError('PostingUnfinished', `${unposted.size} deals are still to be posted`, 'conflict');
  const { payee, plan, currency } = account;
  const decimals = decimalsOf(currency);
  const settling = settle(state, period, planHash, plans);
  const settled = new Map(settling?.change.deals.map(({ deal, lines }) => [deal, lines]));
  const moved: DealPosting[] = [];
  const lines = [...dealsOf(state), ...[...settled.keys()].filter((deal) => !state.engine.deals.has(deal))].flatMap(
    (deal) => {
      let ofDeal = postingOf(state, deal);
      const earned = settled.get(deal);
      if (earned !== undefined || ofDeal.some((line) => line.period < period && isOpen(line, closedThrough))) {
        const fixed = ofDeal.filter((line) => !isOpen(line, closedThrough));
        ofDeal = postedLines(earned ?? linesOfDeal(state.engine, deal), fixed, period, decimals);
        moved.push({ deal, lines: ofDeal });
      }
      return ofDeal.filter((line) => line.period === period).map((line) => ledgerLine(plan, deal, line));
    },
  );
  const isNothing = lines.length === 0 && moved.length === 0;
  const { payoutTerms: terms } = plans.plan(planHash);
  const forgives = isForgiven(state, period, lines.length > 0, plans.plan(planHash));
  if (isNothing && settling === undefined && !forgives) return [];
  const stream = earningStream(payee, plan);
  const negative = forgives ? { negative: 'forgive' as const } : {};
  const hash = ledgerLinesHash(lines);
  const entry = { stream, payee, currency, lines: lines.length, minimum, ...terms, ...negative, hash };
  const deals = moved.sort((left, right) => compareText(left.deal, right.deal));
  return [
    {
      type: 'EarningPeriodClosed',
      version: 1,
      occurredAt: at,
      data: {
        account,
        period,
        planHash,
        ...(settling === undefined ? {} : { reached: settling.account.reachedTiers }),
        ...(settling === undefined || settling.change.payeeLevel.length === 0
          ? {}
          : {
              rated: settling.change.rated.map((one) => storedRating(one, '')),
              ofAccount: settling.change.payeeLevel,
            }),
        deals,
        entry,
      },
    },
  ];
}

/** Whether what is negative is written off: once the agreement has ended, with its end and whenever there is something after it. */
function isForgiven(
  { engine, forgivenEnd }: EarningState,
  period: string,
  hasLines: boolean,
  { ends, calendar }: CompiledPlan,
): boolean {
  const end = endOfAgreement(engine.payeeTerms);
  if (ends.negative !== 'forgive' || end === undefined || end > windowEndDay(calendar, period)) return false;
  return hasLines || forgivenEnd !== end;
}

/** What the closing of a period settles: guarantee, draw and lagged tiers; undefined for a plan that has none of them. */
function settle(
  { engine }: EarningState,
  period: string,
  planHash: string,
  plans: PlanByHash,
): { readonly account: PayeeTerms; readonly change: Change } | undefined {
  const plan = plans.plan(planHash);
  if (!hasPeriodEndTerms(plan)) return undefined;
  const account = settledAccount(engine.payeeTerms, period, planHash, {
    ...engine.payeeTerms.reachedTiers,
    ...reachedTiers(engine, plan, period, plans),
  });
  return { account, change: changeOf(() => diffPayeeTerms(engine, account, plans)) };
}

function settledAccount(
  account: PayeeTerms,
  period: string,
  planHash: string,
  reached: PayeeTerms['reachedTiers'],
): PayeeTerms {
  return { ...account, closedPeriods: [...account.closedPeriods, { period, planHash }], reachedTiers: reached };
}

function isOpen({ period }: PostedLine, closedThrough: string | null): boolean {
  return closedThrough === null || period > closedThrough;
}

/** Every deal with a posting, or that could have one. */
export function dealsOf({ engine, posted }: EarningState): ReadonlySet<string> {
  return new Set([...engine.deals.keys(), ...posted.keys()]);
}

function evolve(state: EarningState, event: EarningEvent, plans: PlanByHash): EarningState {
  state.account = event.data.account;
  switch (event.type) {
    case 'Earned':
    case 'ChildEarningTaken':
    case 'GrantTaken':
    case 'AccountFactsTaken':
      if (state.tail !== undefined && !suffices(state, commandOf(event))) {
        state.lost = true;
        return state;
      }
      applyConclusions(state, event, plans);
      break;
    case 'EarningsPosted':
      for (const deal of event.data.done) {
        state.unposted.delete(deal);
        // What is not posted anew has stayed as it was: then the text kept for it is right.
      }
      break;
    case 'EarningPeriodClosed': {
      const { period, planHash, reached, rated = [], ofAccount = [] } = event.data;
      state.closedThrough = period;
      if (event.data.entry.negative !== undefined) state.forgivenEnd = endOfAgreement(state.engine.payeeTerms);
      if (reached === undefined) break;
      const change = { deal: '', lines: [], rated: rated.map((one) => ratedLine(one, '')), payeeLevel: ofAccount };
      applyChange(state.engine, change, plans);
      state.engine.payeeTerms = settledAccount(state.engine.payeeTerms, period, planHash, reached);
      break;
    }
    default:
      event satisfies never;
  }
  for (const posting of event.data.deals) post(state, posting);
  return state;
}

function applyConclusions(state: EarningState, event: WithConclusions, plans: PlanByHash): void {
  const { data } = event;
  const change = changeOfEvent(state, event, plans);
  if (data.left > 0) {
    const changed = [
      ...new Set([change.deal, ...change.rated.map((one) => one.deal), ...change.payeeLevel.map((one) => one.deal)]),
    ].filter((deal) => deal !== '');
    for (const one of changed.slice(changed.length - data.left)) {
      // From now on what is posted no longer follows from what is earned.
      state.posted.set(one, postingOf(state, one));
      state.unposted.add(one);
    }
  }
  applyChange(state.engine, change, plans);
  if (event.type === 'Earned') {
    const { deal, number, above } = event.data.input;
    state.numbers.set(deal, number);
    if (above === undefined) state.above.delete(deal);
    else state.above.set(deal, above);
  } else if (event.type === 'ChildEarningTaken') {
    state.childRevisions.set(childKey(event.data.input), event.data.input.revision);
  } else if (event.type === 'GrantTaken') {
    state.grantRevisions.set(grantKey(event.data.input), event.data.input.revision);
  } else {
    const { agreements, quotas } = event.data.input;
    state.engine.payeeTerms = { ...state.engine.payeeTerms, agreements, quotas };
  }
}

/** The change as the event has it, or computed again where it was too large to be stored. */
function changeOfEvent(
  state: EarningState,
  event: WithConclusions,
  plans: PlanByHash,
): Parameters<typeof applyChange>[1] {
  const { rated, ofAccount = [], claims = [], lacking = [] } = event.data;
  if (event.type === 'AccountFactsTaken') {
    const { agreements, quotas } = event.data.input;
    if (rated === undefined)
      return diffPayeeTerms(state.engine, { ...state.engine.payeeTerms, agreements, quotas }, plans);
    return {
      deal: '',
      lines: [],
      rated: rated.map((one) => ratedLine(one, '')),
      payeeLevel: ofAccount,
      claims,
      missingQuotas: lacking,
    };
  }
  const credit = creditOfEvent(state, event);
  if (rated === undefined) return diffCredit(state.engine, credit, plans);
  return {
    ...credit,
    rated: rated.map((one) => ratedLine(one, credit.deal)),
    payeeLevel: ofAccount,
    claims,
    missingQuotas: lacking,
  };
}

function creditOfEvent(
  state: EarningState,
  event: Exclude<WithConclusions, { readonly type: 'AccountFactsTaken' }>,
): Parameters<typeof diffCredit>[1] {
  switch (event.type) {
    case 'Earned':
      return { deal: event.data.input.deal, lines: unpackLines(event.data.input.groups) };
    case 'ChildEarningTaken':
      return creditOfChild(state.engine, event.data.input);
    case 'GrantTaken':
      return creditOfGrant(state.engine, event.data.input);
    default:
      return event satisfies never;
  }
}

function post(state: EarningState, { deal, lines }: DealPosting): void {
  state.unposted.delete(deal);
  // Lines that all stand where they belong are those that the deal's earnings make by themselves.
  if (lines.every(({ period, origin }) => period === origin)) state.posted.delete(deal);
  else state.posted.set(deal, lines);
}

function commandOf(event: EarningEvent): EarningCommand {
  const { occurredAt: at } = event;
  switch (event.type) {
    case 'Earned': {
      const { account, input } = event.data;
      return { type: 'credit', account, ...input, at };
    }
    case 'EarningsPosted':
      return { type: 'post-more', openFrom: event.data.input.openFrom, at };
    case 'ChildEarningTaken': {
      const { account, input } = event.data;
      return { type: 'take-child', account, ...input, at };
    }
    case 'GrantTaken': {
      const { account, input } = event.data;
      return { type: 'take-grant', account, ...input, at };
    }
    case 'AccountFactsTaken': {
      const { account, input } = event.data;
      return { type: 'take-facts', account, ...input, at };
    }
    case 'EarningPeriodClosed': {
      const { period, planHash, entry } = event.data;
      return { type: 'close-period', period, planHash, minimum: entry.minimum, at };
    }
    default:
      return event satisfies never;
  }
}
