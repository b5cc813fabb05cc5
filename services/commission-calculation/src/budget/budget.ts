/**
 * A budget: a stream a component of a plan, as all payees draw on one amount. In come the claims of a payee's deal, whole; out go the
 * grants that change, whole a payee and deal. First come, first served, in the canonical order of lines; what closed periods granted
 * comes before all others and does not move (docs/adr/0017).
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { grantStep, retainedGrantOf, openClaimOf, openFromMinor } from '@tantieme/commission-engine/earn/budget';
import type {
  BudgetClaim,
  Claim,
  ClaimedLine,
  ClosedClaim,
  GrantedLine,
} from '@tantieme/commission-engine/earn/budget';
import type { PlanByHash } from '@tantieme/commission-engine/earn/component-rules';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { compareLines } from '@tantieme/commission-engine/measure/canonical-order';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';

export const BUDGET = 'budget';

export function budgetStream(plan: string, component: string): string {
  return `${BUDGET}-${plan}|${component}`;
}

/** Granted lines that one event holds at the most (but always one deal), some 200 bytes each: an append stays under 1 MiB. The rest is told in further events. */
export const GRANTED_LINES_MAX = 1000;

/** Whose budget a stream keeps; the same in all events of a stream. */
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
  /** Of the payee's earning stream: the highest counts. */
  readonly revision: number;
  readonly claims: readonly BudgetClaim[];
}

/** All that is granted to a payee with a deal; a line that is not named gets nothing. */
export interface DealGrant {
  readonly payee: string;
  readonly deal: string;
  readonly granted: readonly GrantedLine[];
}

export type BudgetCommand =
  | ({ readonly type: 'take-claims'; readonly budget: Budget; readonly at: string } & ClaimsInput)
  /** Tells grants that a large change has left over. */
  | { readonly type: 'tell-more'; readonly budget: Budget; readonly at: string }
  /** Whoever brings claims says first which period is open. */
  | { readonly type: 'close-periods'; readonly budget: Budget; readonly openFrom: string; readonly at: string };

export type BudgetEvent =
  | {
      readonly type: 'ClaimsTaken';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly budget: Budget;
        readonly input: ClaimsInput;
        /** Grants that change, in order of payee and deal. */
        readonly grants: readonly DealGrant[];
        /** Grants that change and did not fit; left out where there are none. */
        readonly left?: number;
      };
    }
  | {
      readonly type: 'GrantsTold';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly budget: Budget; readonly grants: readonly DealGrant[] };
    }
  | {
      readonly type: 'BudgetPeriodsClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly budget: Budget;
        /** First open period: what was granted in those before it stays. */
        readonly openFrom: string;
      };
    };

interface Line extends Claim {
  readonly payee: string;
  readonly deal: string;
  readonly key: string;
  readonly line: ClaimedLine;
  /** With the line as it was then: in its place it stands where nothing is claimed of it any more. */
  closed?: ClosedClaim & { readonly line: ClaimedLine };
  /** What of it stands before it among the open claims, and what it is granted there. */
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
  /** Whose grants have changed and are still to be told, by payee and deal. */
  readonly untold: Map<string, Pick<DealGrant, 'payee' | 'deal'>>;
  openFrom: string | null;
  /** Last line of a closed period: the budget is that of the plan of the last line. */
  lastClosed: Line | undefined;
  budgetMinor: bigint;
  /** Where the steps of closed claims ended, and where those of open ones begin. */
  endedMinor: bigint;
  startMinor: bigint;
  /** What is left of closed grants, and what is claimed less of closed lines than when they were closed. */
  keptMinor: bigint;
  lostMinor: bigint;
  lineCount: number;
}

/** @param plans every plan document that a claim names. */
export function budgetDecider(plans: PlanByHash): Decider<BudgetState, BudgetCommand, BudgetEvent> {
  return {
    category: BUDGET,
    initialState: () => ({
      deals: new Map(),
      open: [],
      untold: new Map(),
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
      switch (command.type) {
        case 'take-claims':
          return decideClaims(command, state, plans);
        case 'tell-more':
          return decideMore(command, state);
        case 'close-periods': {
          const { budget, openFrom, at } = command;
          if (state.openFrom !== null && openFrom <= state.openFrom) return [];
          return [{ type: 'BudgetPeriodsClosed', version: 1, occurredAt: at, data: { budget, openFrom } }];
        }
        default:
          return command satisfies never;
      }
    },
    evolve(state, event) {
      switch (event.type) {
        case 'ClaimsTaken': {
          const { budget, input, grants, left = 0 } = event.data;
          const change = changeOf(state, budget, input, plans);
          const untold = left === 0 ? [] : grantsOf(state, budget, input, change).slice(grants.length);
          for (const grant of grants) state.untold.delete(nameOf(grant));
          for (const { payee, deal } of untold) state.untold.set(nameOf({ payee, deal }), { payee, deal });
          apply(state, input, change);
          return state;
        }
        case 'GrantsTold':
          for (const grant of event.data.grants) state.untold.delete(nameOf(grant));
          return state;
        case 'BudgetPeriodsClosed':
          closePeriods(state, event.data.openFrom);
          return state;
        default:
          return event satisfies never;
      }
    },
    commandOf(event) {
      const { occurredAt: at, data } = event;
      switch (event.type) {
        case 'ClaimsTaken':
          return { type: 'take-claims', budget: data.budget, ...event.data.input, at };
        case 'GrantsTold':
          return { type: 'tell-more', budget: data.budget, at };
        case 'BudgetPeriodsClosed':
          return { type: 'close-periods', ...event.data, at };
        default:
          return event satisfies never;
      }
    },
    sizeOf: ({ deals, lineCount }) => 500 + deals.size * DEAL_BYTES + lineCount * LINE_BYTES,
  };
}

/** What an entry takes in memory, measured roughly. */
const DEAL_BYTES = 250;
const LINE_BYTES = 700;

function nameOf({ payee, deal }: Pick<Line, 'payee' | 'deal'>): string {
  return `${payee}\n${deal}`;
}

/** Of all payees' lines: two who share a line come in order of their names. */
function compare(left: Line, right: Line): number {
  return compareLines(left, right) || compareText(left.payee, right.payee);
}

function isOpen(line: Line): boolean {
  return line.closed === undefined || openClaimOf(line) !== 0n;
}

/** What claims change; the state is not touched. */
interface Change {
  /** The deal's lines from now on. */
  readonly lines: ReadonlyMap<string, Line>;
  /** The open claims from a place on, each with what stands before it and what it is granted from now on. */
  readonly from: number;
  readonly tail: readonly { readonly line: Line; readonly beforeMinor: bigint; readonly openMinor: bigint }[];
  readonly budgetMinor: bigint;
  readonly startMinor: bigint;
  readonly keptMinor: bigint;
  readonly lostMinor: bigint;
}

function changeOf(state: BudgetState, { currency }: Budget, input: ClaimsInput, plans: PlanByHash): Change {
  const { open } = state;
  const before = state.deals.get(nameOf(input))?.lines ?? new Map<string, Line>();
  const lines = linesOf(input, before, decimalsOf(currency));
  const joining = [...lines.values()].filter(isOpen);
  const leaving = new Set([...before.values()].filter(isOpen));
  let from = Math.min(open.length, ...[...joining, ...leaving].map((line) => placeOf(open, line)));
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

/** The deal's lines as they are claimed now; closed ones stay also where nothing is claimed any more. */
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
    const known = closed === undefined ? {} : { closed };
    lines.set(key, { payee, deal, key, line, amountMinor, ...known, beforeMinor: 0n, openMinor: 0n });
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

/** Where the line stands among the open ones, or would. */
function placeOf(open: readonly Line[], line: Line): number {
  let [low, high] = [0, open.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = open[middle];
    if (at !== undefined && compare(at, line) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As the plan of the last line has it. */
function budgetOf(lastOpen: Line | undefined, { lastClosed, budgetMinor }: BudgetState, plans: PlanByHash): bigint {
  const isOpenLast = lastClosed === undefined || (lastOpen !== undefined && compare(lastOpen, lastClosed) > 0);
  const last = isOpenLast ? lastOpen : lastClosed;
  if (last === undefined) return budgetMinor;
  return plans.plan(last.line.planHash).componentById.get(last.line.component)?.budgetMinor ?? 0n;
}

function decideClaims(
  { type: _type, budget, at, ...input }: Extract<BudgetCommand, { readonly type: 'take-claims' }>,
  state: BudgetState,
  plans: PlanByHash,
): readonly BudgetEvent[] {
  if (input.revision <= (state.deals.get(nameOf(input))?.revision ?? -1)) return [];
  const change = changeOf(state, budget, input, plans);
  const all = grantsOf(state, budget, input, change);
  const grants = all.slice(0, fitting(all));
  const left = all.length - grants.length;
  const data = { budget, input, grants, ...(left === 0 ? {} : { left }) };
  return [{ type: 'ClaimsTaken', version: 1, occurredAt: at, data }];
}

function decideMore(
  { budget, at }: Extract<BudgetCommand, { readonly type: 'tell-more' }>,
  { untold, deals }: BudgetState,
): readonly BudgetEvent[] {
  if (untold.size === 0) return [];
  const all = [...untold]
    .sort(([left], [right]) => compareText(left, right))
    .map(([name, whose]) => grantOf(budget, whose, deals.get(name)?.lines.values() ?? [], (line) => line.openMinor));
  const grants = all.slice(0, fitting(all));
  return [{ type: 'GrantsTold', version: 1, occurredAt: at, data: { budget, grants } }];
}

/** How many grants one event holds. */
function fitting(grants: readonly DealGrant[]): number {
  let lines = 0;
  const beyond = grants.findIndex(
    ({ granted }, index) => (lines += 1 + granted.length) > GRANTED_LINES_MAX && index > 0,
  );
  return beyond < 0 ? grants.length : beyond;
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

/** What stands in the periods before is granted for good; what is granted does not change by it. */
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
      // A line of a closed period may have moved into an open one: it keeps what it was granted.
      state.keptMinor += retainedGrantOf(line);
      state.lostMinor += lostOf(line);
    }
  state.endedMinor = state.startMinor + state.lostMinor;
  state.openFrom = openFrom;
}
