/**
 * A budget: a stream per component of a plan, because all payees draw on one amount. It receives all claims of a
 * payee's deal at once, and emits the grants that change, all of a payee and deal at once. First come, first served, in
 * the canonical order of lines; grants of closed periods come before all others and are final (docs/adr/0017).
 */
import { grantStep, retainedGrantOf, openClaimOf, openFromMinor } from '@tantieme/commission-engine/earn/budget';
import type {
  BudgetClaim,
  Claim,
  ClaimedLine,
  ClosedClaim,
  GrantedLine,
} from '@tantieme/commission-engine/earn/budget';
import type { PlanByVersion } from '@tantieme/commission-engine/earn/component-rules';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { compareLines } from '@tantieme/commission-engine/measure/canonical-order';
import { compareText } from '@tantieme/contracts/compare-text';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import type { EngineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';

export const BUDGET = 'budget';

export function budgetStream(plan: string, component: string): string {
  return `${BUDGET}-${plan}|${component}`;
}

/** The budget of a stream; the same in all its events. */
export interface Budget {
  readonly plan: string;
  readonly component: string;
  readonly currency: string;
  /** `monthly@Europe/Paris` */
  readonly calendar: string;
}

/** All that a payee claims with a deal. */
export interface ClaimsInput {
  readonly payee: string;
  /** `source|id` */
  readonly deal: string;
  /** Revision of the payee's earning stream: the highest counts. */
  readonly revision: number;
  readonly claims: readonly BudgetClaim[];
}

/** All grants to a payee with a deal; a line that is not listed gets nothing. */
export interface DealGrant {
  readonly payee: string;
  readonly deal: string;
  readonly granted: readonly GrantedLine[];
}

/** `engine` is set for the command of a stored event: the version that decided it. */
export type BudgetCommand = { readonly engine?: number } & (
  | ({ readonly type: 'receive-claims'; readonly budget: Budget; readonly at: string } & ClaimsInput)
  /** Precedes claims, so that grants of closed periods are final. */
  | { readonly type: 'close-periods'; readonly budget: Budget; readonly openFrom: string; readonly at: string }
);

export type BudgetEvent =
  | {
      readonly type: 'ClaimsReceived';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly budget: Budget;
        readonly input: ClaimsInput;
        /** Grants that change, in order of payee and deal. */
        readonly grants: readonly DealGrant[];
        /** Version of the arithmetic. */
        readonly engine: number;
      };
    }
  | {
      readonly type: 'BudgetPeriodsClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly budget: Budget;
        /** First open period: grants of the periods before it are final. */
        readonly openFrom: string;
        readonly engine: number;
      };
    };

interface Line extends Claim {
  readonly payee: string;
  readonly deal: string;
  readonly key: string;
  readonly line: ClaimedLine;
  /** With the line as it was when its period closed: it keeps that place where nothing is claimed for it any more. */
  closed?: ClosedClaim & { readonly line: ClaimedLine };
  /** Sum of the open claims before this line, and what this line is granted as an open claim. */
  beforeMinor: bigint;
  openMinor: bigint;
}

interface DealLines {
  readonly revision: number;
  /** By key. */
  readonly lines: ReadonlyMap<string, Line>;
}

export interface BudgetState {
  /** By payee and deal. */
  readonly deals: Map<string, DealLines>;
  /** Lines with an open claim, in canonical order. */
  readonly open: Line[];
  openFrom: string | null;
  /** Last line of a closed period: the budget is taken from the plan version of the last line. */
  lastClosed: Line | undefined;
  budgetMinor: bigint;
  /** Where the steps of closed claims end, and where those of open claims begin. */
  endedMinor: bigint;
  startMinor: bigint;
  /** What remains of closed grants, and by how much the claims of closed lines have shrunk since. */
  keptMinor: bigint;
  lostMinor: bigint;
  lineCount: number;
}

export const BUDGET_EVENTS: EventTypes<BudgetEvent> = {
  ClaimsReceived: { version: 1 },
  BudgetPeriodsClosed: { version: 1 },
};

/** The arithmetic, also of states: grants are computed again when events are read. */
export interface BudgetEngine {
  readonly changeOf: typeof changeOf;
  readonly grantsOf: typeof grantsOf;
  readonly closePeriods: typeof closePeriods;
}

/** The versions of the budget arithmetic. A changed rule is a new version; old events replay under theirs (ADR 23). */
export const BUDGET_ENGINES: EngineVersions<BudgetEngine> = engineVersions('budget', {
  1: { changeOf, grantsOf, closePeriods },
});

/** @param plans every plan document that a claim refers to */
export function budgetDecider(
  plans: PlanByVersion,
  engines = BUDGET_ENGINES,
): Decider<BudgetState, BudgetCommand, BudgetEvent> {
  return {
    category: BUDGET,
    events: BUDGET_EVENTS,
    initialState: () => ({
      deals: new Map(),
      open: [],
      openFrom: null,
      lastClosed: undefined,
      budgetMinor: 0n,
      endedMinor: 0n,
      startMinor: 0n,
      keptMinor: 0n,
      lostMinor: 0n,
      lineCount: 0,
    }),
    decide(command, state) {
      const { engine: version = engines.newest } = command;
      const engine = engines.of(version);
      switch (command.type) {
        case 'receive-claims':
          return decideClaims({ ...command, engine: version }, state, plans, engine);
        case 'close-periods': {
          const { budget, openFrom, at } = command;
          if (state.openFrom !== null && openFrom <= state.openFrom) return [];
          return [
            { type: 'BudgetPeriodsClosed', version: 1, occurredAt: at, data: { budget, openFrom, engine: version } },
          ];
        }
        default:
          return command satisfies never;
      }
    },
    evolve(state, event) {
      const engine = engines.of(event.data.engine);
      switch (event.type) {
        case 'ClaimsReceived': {
          const { budget, input } = event.data;
          apply(state, input, engine.changeOf(state, budget, input, plans));
          return state;
        }
        case 'BudgetPeriodsClosed':
          engine.closePeriods(state, event.data.openFrom);
          return state;
        default:
          return event satisfies never;
      }
    },
    commandOf(event) {
      const { occurredAt: at, data } = event;
      switch (event.type) {
        case 'ClaimsReceived':
          return { type: 'receive-claims', budget: data.budget, ...event.data.input, engine: data.engine, at };
        case 'BudgetPeriodsClosed':
          return { type: 'close-periods', ...event.data, at };
        default:
          return event satisfies never;
      }
    },
    storesRuns: true,
    sizeOf: ({ deals, lineCount }) => 500 + deals.size * DEAL_BYTES + lineCount * LINE_BYTES,
  };
}

/** Approximate memory of an entry, measured. */
const DEAL_BYTES = 250;
const LINE_BYTES = 700;

function nameOf({ payee, deal }: Pick<Line, 'payee' | 'deal'>): string {
  return `${payee}\n${deal}`;
}

/** Canonical order over all payees: payees who share a line come in text order. */
function compare(left: Line, right: Line): number {
  return compareLines(left, right) || compareText(left.payee, right.payee);
}

function isOpen(line: Line): boolean {
  return line.closed === undefined || openClaimOf(line) !== 0n;
}

/** What claims change; computing it does not touch the state. */
interface Change {
  /** The deal's new lines. */
  readonly lines: ReadonlyMap<string, Line>;
  /** The open claims from an index on, each with its new sum of claims before it and its new grant. */
  readonly from: number;
  readonly tail: readonly { readonly line: Line; readonly beforeMinor: bigint; readonly openMinor: bigint }[];
  readonly budgetMinor: bigint;
  readonly startMinor: bigint;
  readonly keptMinor: bigint;
  readonly lostMinor: bigint;
}

function changeOf(state: BudgetState, { currency }: Budget, input: ClaimsInput, plans: PlanByVersion): Change {
  const { open } = state;
  const before = state.deals.get(nameOf(input))?.lines ?? new Map<string, Line>();
  const lines = linesOf(input, before, decimalsOf(currency));
  const joining = [...lines.values()].filter(isOpen);
  const leaving = new Set([...before.values()].filter(isOpen));
  let from = Math.min(open.length, ...[...joining, ...leaving].map((line) => indexOf(open, line)));
  let tail = [...open.slice(from).filter((line) => !leaving.has(line)), ...joining].sort(compare);
  const keptMinor = state.keptMinor + sumOf(lines, retainedGrantOf) - sumOf(before, retainedGrantOf);
  const lostMinor = state.lostMinor + sumOf(lines, lostOf) - sumOf(before, lostOf);
  const budgetMinor = budgetOf(tail.at(-1) ?? open[from - 1], state, plans);
  const startMinor = openFromMinor(budgetMinor, state.endedMinor, keptMinor, lostMinor);
  if (startMinor !== state.startMinor || budgetMinor !== state.budgetMinor) {
    tail = [...open.slice(0, from), ...tail];
    from = 0;
  }
  const last = open[from - 1];
  let beforeMinor = last === undefined ? startMinor : last.beforeMinor + openClaimOf(last);
  const steps = tail.map((line) => {
    const claimMinor = openClaimOf(line);
    const step = { line, beforeMinor, openMinor: grantStep(budgetMinor, beforeMinor, claimMinor) };
    beforeMinor += claimMinor;
    return step;
  });
  return { lines, from, tail: steps, budgetMinor, startMinor, keptMinor, lostMinor };
}

/** The deal's lines as claimed now. Closed lines stay, also without a claim. */
function linesOf(
  { payee, deal, claims }: ClaimsInput,
  before: ReadonlyMap<string, Line>,
  decimals: number,
): ReadonlyMap<string, Line> {
  const lines = new Map<string, Line>();
  for (const { line, amount } of claims) {
    const key = lineKey(line);
    const closed = before.get(key)?.closed;
    const amountMinor = parseMinor(amount, decimals);
    const open = { payee, deal, key, line, amountMinor, beforeMinor: 0n, openMinor: 0n };
    lines.set(key, closed === undefined ? open : { ...open, closed });
  }
  for (const [key, line] of before)
    if (line.closed !== undefined && !lines.has(key))
      lines.set(key, { ...line, line: line.closed.line, amountMinor: 0n, beforeMinor: 0n, openMinor: 0n });
  return lines;
}

function lostOf({ amountMinor, closed }: Line): bigint {
  return closed !== undefined && amountMinor < closed.claimedMinor ? closed.claimedMinor - amountMinor : 0n;
}

function sumOf(lines: ReadonlyMap<string, Line>, minorOf: (line: Line) => bigint): bigint {
  let sumMinor = 0n;
  for (const line of lines.values()) sumMinor += minorOf(line);
  return sumMinor;
}

/** Index of the line among the open ones, or of where it would be inserted. */
function indexOf(open: readonly Line[], line: Line): number {
  let [low, high] = [0, open.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = open[middle];
    if (at !== undefined && compare(at, line) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The budget in the plan version of the last line. */
function budgetOf(lastOpen: Line | undefined, { lastClosed, budgetMinor }: BudgetState, plans: PlanByVersion): bigint {
  const isOpenLast = lastClosed === undefined || (lastOpen !== undefined && compare(lastOpen, lastClosed) > 0);
  const last = isOpenLast ? lastOpen : lastClosed;
  if (last === undefined) return budgetMinor;
  return plans.plan(last.line.planVersion).componentById.get(last.line.component)?.budgetMinor ?? 0n;
}

type Versioned<Type extends BudgetCommand['type']> = Extract<BudgetCommand, { readonly type: Type }> & {
  readonly engine: number;
};

function decideClaims(
  { type: _type, budget, at, engine: version, ...input }: Versioned<'receive-claims'>,
  state: BudgetState,
  plans: PlanByVersion,
  engine: BudgetEngine,
): readonly BudgetEvent[] {
  if (input.revision <= (state.deals.get(nameOf(input))?.revision ?? -1)) return [];
  const grants = engine.grantsOf(state, budget, input, engine.changeOf(state, budget, input, plans));
  return [{ type: 'ClaimsReceived', version: 1, occurredAt: at, data: { budget, input, grants, engine: version } }];
}

function grantOf(
  { currency }: Budget,
  { payee, deal }: Pick<Line, 'payee' | 'deal'>,
  lines: Iterable<Line>,
  openMinorOf: (line: Line) => bigint,
): DealGrant {
  const decimals = decimalsOf(currency);
  return {
    payee,
    deal,
    granted: [...lines]
      .map((line) => ({ key: line.key, minor: retainedGrantOf(line) + openMinorOf(line) }))
      .filter(({ minor }) => minor !== 0n)
      .sort((left, right) => compareText(left.key, right.key))
      .map(({ key, minor }) => ({ key, amount: formatMinor(minor, decimals) })),
  };
}

function grantsOf(state: BudgetState, budget: Budget, input: ClaimsInput, change: Change): readonly DealGrant[] {
  const openMinor = new Map<Line, bigint>(change.tail.map((step) => [step.line, step.openMinor]));
  const now = (line: Line): bigint => openMinor.get(line) ?? line.openMinor;
  const own = grantOf(budget, input, change.lines.values(), now);
  const before = grantOf(budget, input, state.deals.get(nameOf(input))?.lines.values() ?? [], (line) => line.openMinor);
  const grants = canonicalJson(own) === canonicalJson(before) ? [] : [own];
  const others = new Map<string, Line>();
  for (const { line, openMinor: granted } of change.tail)
    if (change.lines.get(line.key) !== line && granted !== line.openMinor) others.set(nameOf(line), line);
  for (const [name, line] of others)
    grants.push(grantOf(budget, line, state.deals.get(name)?.lines.values() ?? [], now));
  return grants.sort((left, right) => compareText(nameOf(left), nameOf(right)));
}

function apply(state: BudgetState, input: ClaimsInput, { lines, from, tail, ...sums }: Change): void {
  const name = nameOf(input);
  state.lineCount += lines.size - (state.deals.get(name)?.lines.size ?? 0);
  state.deals.set(name, { revision: input.revision, lines });
  state.open.length = from;
  for (const { line, beforeMinor, openMinor } of tail) {
    line.beforeMinor = beforeMinor;
    line.openMinor = openMinor;
    state.open.push(line);
  }
  Object.assign(state, sums);
}

/** Makes the grants of the periods before final; no grant changes. */
function closePeriods(state: BudgetState, openFrom: string): void {
  const { open, deals } = state;
  const first = open.findIndex(({ line }) => line.period >= openFrom);
  const last = open.splice(0, first < 0 ? open.length : first).at(-1);
  if (last !== undefined) {
    state.startMinor = last.beforeMinor + openClaimOf(last);
    if (state.lastClosed === undefined || compare(last, state.lastClosed) > 0) state.lastClosed = last;
  }
  state.keptMinor = 0n;
  state.lostMinor = 0n;
  for (const { lines } of deals.values())
    for (const line of lines.values()) {
      if (line.line.period < openFrom) {
        const grantedMinor = retainedGrantOf(line) + line.openMinor;
        line.closed = { line: line.line, claimedMinor: line.amountMinor, grantedMinor };
        line.beforeMinor = 0n;
        line.openMinor = 0n;
      }
      // A line of a closed period may have moved to an open one: it keeps its grant.
      state.keptMinor += retainedGrantOf(line);
      state.lostMinor += lostOf(line);
    }
  state.endedMinor = state.startMinor + state.lostMinor;
  state.openFrom = openFrom;
}
