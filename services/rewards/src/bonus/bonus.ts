/**
 * The bonus of one participant in one programme.
 *
 * It is a function of the ledger lines of commission-calculation that count, and of nothing else: what a window is worth
 * after period p is the pay of the highest tier that the basis *posted up to p* reaches. The first line is posted in the
 * window's last period; each later one is what the lines posted in a later period change. So neither the order in which
 * earnings arrive nor the moment at which rewards happens to close a period can move an amount from one to another.
 * What comes from outside of that order (a programme or an eligibility that is known only later) is posted in the first
 * open period, as the difference to what was posted: closed lines never move.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { lastPeriodOfWindow, nextPeriod, windowOfPeriod } from '@tantieme/time/calendar/periods';
import type { BonusOfWindow, LedgerLine, ManifestEntry } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { NameSet } from '@tantieme/event-sourcing/decide/name-set';
import { fullStateRequired } from '@tantieme/event-sourcing/decide/partial-state';
import type { PartialStates } from '@tantieme/event-sourcing/decide/partial-state';
import { formatAmount, parseAmount } from '@tantieme/money/amount';

import type { KeptEarnings } from '../ledger/ledger.js';
import { countsWindow, payOf } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';

export const BONUS = 'bonus';

/** Version of the arithmetic below: a changed rule is a new one, and old events replay under the old one. */
export const BONUS_ENGINE = 1;

export function bonusStream(payee: string, programmeId: string): string {
  return `${BONUS}-${payee}|${programmeId}`;
}

/** Basis of one deal that counts in a window, by the period in which commission-calculation posted it. */
export interface MeasuredBasis {
  readonly window: string;
  readonly period: string;
  /** Decimal text in the programme's currency. */
  readonly basis: string;
}

export interface MeasuredDeal {
  /** Stream of commission-calculation, and its revision. */
  readonly origin: { readonly stream: string; readonly revision: number };
  readonly deal: string;
  /** In order of window and period; empty where the deal does not count (any more). */
  readonly basis: readonly MeasuredBasis[];
}

export interface Eligibility {
  /** Revision of the partner behind it; null where the partner is not known, or not asked for. */
  readonly partnerRevision: number | null;
  /** Null where it is not known yet: measured, but not paid. */
  readonly eligible: boolean | null;
}

export type BonusCommand =
  | {
      readonly type: 'decide-bonus';
      readonly at: string;
      readonly payee: string;
      /** Hash of the programme's document. */
      readonly programme: string;
      /** What a deal has become; null where only the eligibility is new. */
      readonly earnings: MeasuredDeal | null;
      readonly eligibility: Eligibility;
      /** First open period; null where none was closed yet. */
      readonly openFrom: string | null;
      /** A deal without basis is journalled only where it had one before (see the README, "Late programmes"). */
      readonly onlyIfHeld?: boolean;
    }
  | { readonly type: 'close-period'; readonly at: string; readonly period: string };

export interface DecidedWindow {
  readonly window: string;
  /** All that counts in the window, whenever it was posted. */
  readonly measured: string;
  /** All lines of the window, in order of period. */
  readonly lines: readonly LedgerLine[];
}

export type BonusEvent =
  | {
      readonly type: 'BonusDecided';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly payee: string;
        readonly programme: string;
        readonly input: {
          readonly earnings: MeasuredDeal | null;
          readonly eligibility: Eligibility;
          readonly openFrom: string | null;
        };
        /** Windows that it touches, in order. */
        readonly windows: readonly DecidedWindow[];
        readonly engine: typeof BONUS_ENGINE;
      };
    }
  | {
      readonly type: 'BonusPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly period: string;
        /** Windows with a line in the period, with all lines up to it: what is told to payouts. */
        readonly bonuses: readonly BonusOfWindow[];
        readonly entry: ManifestEntry;
      };
    };

/** Newest revision of a deal: alone, or as JSON of `[revision, …[window, period, basis]]` where it has a basis. */
type Held = number | string;

export interface BonusState {
  payee: string;
  /** Hash; empty before the first event. */
  programme: string;
  /** By stream of origin, then by deal. */
  readonly deals: Map<string, Map<string, Held>>;
  /** Minor units, by window and then by the period posted in. */
  readonly measures: Map<string, Map<string, bigint>>;
  /** In order of period, by window. */
  readonly lines: Map<string, readonly LedgerLine[]>;
  eligibility: Eligibility;
  openFrom: string | null;
  closedThrough: string | null;
  heldBytes: number;
  /** Of a tail: the deals that are measured and no longer in `deals`; undefined for a whole state. */
  forgotten: NameSet | undefined;
  /** True for a tail that did not see everything that was appended: it can decide nothing. */
  lost: boolean;
}

/** A tail that has grown to this many bytes is made one again where there is no room. */
const TAIL_BYTES_MAX = 5000;

/** A tail has its sums, and of the deals behind them only the names. */
export const BONUS_TAILS: PartialStates<BonusState> = {
  isPartial: ({ forgotten }) => forgotten !== undefined,
  canBecomePartial: () => true,
  makePartial(state) {
    state.forgotten ??= new NameSet();
    for (const [stream, deals] of state.deals)
      for (const deal of deals.keys()) state.forgotten.add(nameOf(stream, deal));
    state.deals.clear();
    state.heldBytes = 0;
  },
  hasGrown: ({ heldBytes }) => heldBytes > TAIL_BYTES_MAX,
};

function nameOf(stream: string, deal: string): string {
  return `${stream}\n${deal}`;
}

/** False for a tail that has forgotten what the deal was measured by. */
function knows({ forgotten, lost }: BonusState, earnings: MeasuredDeal | null): boolean {
  if (forgotten === undefined) return true;
  return !lost && (earnings === null || !forgotten.has(nameOf(earnings.origin.stream, earnings.deal)));
}

/** @param programmeOf the programme of a hash: every one that is in the log is known. */
export function bonusDecider(
  programmeOf: (hash: string) => Programme | undefined,
): Decider<BonusState, BonusCommand, BonusEvent> {
  const required = (hash: string): Programme => {
    const programme = programmeOf(hash);
    if (programme === undefined)
      throw new DomainError('ProgrammeUnknown', `there is no programme with the hash ${hash}`, 'not-found');
    return programme;
  };
  return {
    category: BONUS,
    initialState: () => ({
      payee: '',
      programme: '',
      deals: new Map(),
      measures: new Map(),
      lines: new Map(),
      eligibility: { partnerRevision: null, eligible: null },
      openFrom: null,
      closedThrough: null,
      heldBytes: 0,
      forgotten: undefined,
      lost: false,
    }),
    decide(command, state) {
      if (!knows(state, command.type === 'decide-bonus' ? command.earnings : null)) throw fullStateRequired();
      switch (command.type) {
        case 'decide-bonus':
          return decideBonus(command, state, required(command.programme));
        case 'close-period':
          return state.programme === '' ? [] : closePeriod(command, state, required(state.programme));
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => evolve(state, event, required),
    commandOf,
    sizeOf: ({ heldBytes, measures, lines, forgotten }) =>
      1000 + heldBytes + measures.size * 500 + lines.size * 500 + (forgotten?.bytes ?? 0),
  };
}

/** What a payee has from one deal, as far as it counts in a programme. */
export function measuredBasisOf(programme: Programme, earnings: KeptEarnings): readonly MeasuredBasis[] {
  const { currency, calendar, measure } = programme.document;
  if (measure.plans !== undefined && !measure.plans.includes(earnings.plan)) return [];
  const sums = new Map<string, { window: string; period: string; basisMinor: bigint }>();
  for (const { component, origin, period, basis } of earnings.measured) {
    if (measure.components !== undefined && !measure.components.includes(component)) continue;
    const window = windowOfPeriod(calendar, measure.over, origin);
    if (!countsWindow(programme, window)) continue;
    const name = `${window} ${period}`;
    const sum = sums.get(name) ?? { window, period, basisMinor: 0n };
    sum.basisMinor += parseAmount(basis, currency);
    sums.set(name, sum);
  }
  return [...sums]
    .filter(([, { basisMinor }]) => basisMinor !== 0n)
    .sort(([left], [right]) => compareText(left, right))
    .map(([, { window, period, basisMinor }]) => ({ window, period, basis: formatAmount(basisMinor, currency) }));
}

type DecideBonus = Extract<BonusCommand, { readonly type: 'decide-bonus' }>;

function decideBonus(command: DecideBonus, state: BonusState, programme: Programme): BonusEvent[] {
  const { currency } = programme.document;
  const earnings = newer(command, state);
  const eligibility = isNewer(command.eligibility, state.eligibility) ? command.eligibility : state.eligibility;
  const isKnown = state.programme !== '';
  const turned = isKnown && eligibility.eligible !== state.eligibility.eligible;
  if (earnings === null && !turned) return [];

  const changed = changedMeasures(state, earnings, currency);
  const windows = turned ? new Set([...state.measures.keys(), ...changed.keys()]) : new Set(changed.keys());
  const openFrom = later(state.openFrom, command.openFrom);
  const decided = [...windows].sort().map((window) => {
    const measure = changed.get(window) ?? state.measures.get(window) ?? new Map<string, bigint>();
    const before = state.lines.get(window) ?? [];
    return {
      window,
      measured: formatAmount(sumOf(measure.values()), currency),
      lines: linesOfWindow(programme, window, measure, eligibility.eligible === true, before, openFrom),
    };
  });
  return [
    {
      type: 'BonusDecided',
      version: 1,
      occurredAt: command.at,
      data: {
        payee: command.payee,
        programme: command.programme,
        input: { earnings, eligibility: command.eligibility, openFrom: command.openFrom },
        windows: decided,
        engine: BONUS_ENGINE,
      },
    },
  ];
}

/** The earnings of the command, where they are newer than what is held of the deal. */
function newer({ earnings, onlyIfHeld }: DecideBonus, state: BonusState): MeasuredDeal | null {
  if (earnings === null) return null;
  const held = state.deals.get(earnings.origin.stream)?.get(earnings.deal);
  if (held === undefined) return earnings.basis.length === 0 && onlyIfHeld === true ? null : earnings;
  return revisionIn(held) < earnings.origin.revision ? earnings : null;
}

function isNewer(one: Eligibility, other: Eligibility): boolean {
  if (one.eligible === null) return false;
  return other.eligible === null || (one.partnerRevision ?? -1) > (other.partnerRevision ?? -1);
}

/** Measures of the windows that the deal changes, after it; the state's own are left alone. */
function changedMeasures(
  state: BonusState,
  earnings: MeasuredDeal | null,
  currency: string,
): ReadonlyMap<string, ReadonlyMap<string, bigint>> {
  const differences = new Map<string, Map<string, bigint>>();
  const add = (window: string, period: string, minor: bigint): void => {
    const difference = differences.get(window) ?? new Map<string, bigint>();
    difference.set(period, (difference.get(period) ?? 0n) + minor);
    differences.set(window, difference);
  };
  if (earnings !== null) {
    const held = state.deals.get(earnings.origin.stream)?.get(earnings.deal);
    for (const [window, period, basis] of basisIn(held)) add(window, period, -parseAmount(basis, currency));
    for (const { window, period, basis } of earnings.basis) add(window, period, parseAmount(basis, currency));
  }
  const changed = new Map<string, ReadonlyMap<string, bigint>>();
  for (const [window, difference] of differences) {
    const measure = new Map(state.measures.get(window));
    let isChanged = false;
    for (const [period, minor] of difference) {
      if (minor === 0n) continue;
      isChanged = true;
      const sumMinor = (measure.get(period) ?? 0n) + minor;
      if (sumMinor === 0n) measure.delete(period);
      else measure.set(period, sumMinor);
    }
    if (isChanged) changed.set(window, measure);
  }
  return changed;
}

/**
 * The lines of a window: those of closed periods as they are, then the difference that each open period makes.
 * @param before lines posted so far, in order of period.
 */
function linesOfWindow(
  programme: Programme,
  window: string,
  measure: ReadonlyMap<string, bigint>,
  eligible: boolean,
  before: readonly LedgerLine[],
  openFrom: string | null,
): readonly LedgerLine[] {
  const { currency, calendar } = programme.document;
  const last = lastPeriodOfWindow(calendar, window);
  const first = later(last, openFrom) ?? last;
  const lines = before.filter(({ period }) => period < first);
  let postedMinor = 0n;
  let basisMinor = 0n;
  for (const line of lines) {
    postedMinor += parseAmount(line.amount, currency);
    basisMinor += parseAmount(line.basis, currency);
  }
  let measuredMinor = 0n;
  const inOrder = [...measure.entries()].sort(([left], [right]) => compareText(left, right));
  for (const [period, minor] of inOrder) if (period <= first) measuredMinor += minor;
  const steps: [string, bigint][] = [[first, 0n], ...inOrder.filter(([period]) => period > first)];
  for (const [period, minor] of steps) {
    measuredMinor += minor;
    const amountMinor = (eligible ? payOf(programme, measuredMinor) : 0n) - postedMinor;
    if (amountMinor === 0n) continue;
    lines.push({
      period,
      origin: last,
      plan: programme.id,
      component: programme.id,
      deal: '',
      line: window,
      kind: period === last ? 'bonus' : 'adjustment',
      basis: formatAmount(measuredMinor - basisMinor, currency),
      amount: formatAmount(amountMinor, currency),
    });
    postedMinor += amountMinor;
    basisMinor = measuredMinor;
  }
  return lines;
}

type ClosePeriod = Extract<BonusCommand, { readonly type: 'close-period' }>;

/** Nothing where it is closed, or has no line in the period. */
function closePeriod({ at, period }: ClosePeriod, state: BonusState, programme: Programme): BonusEvent[] {
  if (state.closedThrough !== null && state.closedThrough >= period) return [];
  const entry = manifestEntryOf(state, programme, period);
  if (entry === undefined) return [];
  const { currency } = programme.document;
  const bonuses = [...state.lines.entries()]
    .filter(([, lines]) => lines.some((line) => line.period === period))
    .sort(([left], [right]) => compareText(left, right))
    .map(([window, lines]) => ({
      payee: state.payee,
      programme: programme.id,
      currency,
      calendar: programme.calendarKey,
      window,
      lines: lines.filter((line) => line.period <= period),
    }));
  return [{ type: 'BonusPeriodClosed', version: 1, occurredAt: at, data: { period, bonuses, entry } }];
}

/** What the manifest says of this bonus in a period; undefined where it has no line in it. */
export function manifestEntryOf(state: BonusState, programme: Programme, period: string): ManifestEntry | undefined {
  const lines = [...state.lines.values()].flat().filter((line) => line.period === period);
  if (lines.length === 0) return undefined;
  const { currency } = programme.document;
  return {
    stream: bonusStream(state.payee, programme.id),
    payee: state.payee,
    currency,
    lines: lines.length,
    minimum: formatAmount(0n, currency),
    hash: ledgerLinesHash(lines),
  };
}

function evolve(state: BonusState, event: BonusEvent, programmeOf: (hash: string) => Programme): BonusState {
  switch (event.type) {
    case 'BonusDecided': {
      const { payee, programme, input, windows } = event.data;
      if (!knows(state, input.earnings)) {
        state.lost = true;
        return state;
      }
      state.payee = payee;
      state.programme = programme;
      const { currency } = programmeOf(programme).document;
      for (const [window, measure] of changedMeasures(state, input.earnings, currency))
        state.measures.set(window, new Map(measure));
      if (input.earnings !== null) hold(state, input.earnings);
      for (const { window, lines } of windows) state.lines.set(window, lines);
      if (isNewer(input.eligibility, state.eligibility)) state.eligibility = input.eligibility;
      state.openFrom = later(state.openFrom, input.openFrom);
      return state;
    }
    case 'BonusPeriodClosed':
      state.closedThrough = event.data.period;
      state.openFrom = later(
        state.openFrom,
        nextPeriod(programmeOf(state.programme).document.calendar, event.data.period),
      );
      return state;
    default:
      return event satisfies never;
  }
}

function hold(state: BonusState, { origin, deal, basis }: MeasuredDeal): void {
  let deals = state.deals.get(origin.stream);
  if (deals === undefined) {
    deals = new Map();
    state.deals.set(origin.stream, deals);
  }
  const held =
    basis.length === 0
      ? origin.revision
      : JSON.stringify([origin.revision, ...basis.map(({ window, period, basis: text }) => [window, period, text])]);
  if (!deals.has(deal)) state.heldBytes += 150 + deal.length;
  deals.set(deal, held);
}

function commandOf(event: BonusEvent): BonusCommand {
  switch (event.type) {
    case 'BonusDecided': {
      const { payee, programme, input } = event.data;
      return { type: 'decide-bonus', at: event.occurredAt, payee, programme, ...input };
    }
    case 'BonusPeriodClosed':
      return { type: 'close-period', at: event.occurredAt, period: event.data.period };
    default:
      return event satisfies never;
  }
}

function revisionIn(held: Held): number {
  return typeof held === 'number' ? held : Number.parseInt(held.slice(1), 10);
}

function basisIn(held: Held | undefined): readonly (readonly [window: string, period: string, basis: string])[] {
  if (held === undefined || typeof held === 'number') return [];
  const [, ...basis]: [number, ...[string, string, string][]] = JSON.parse(held);
  return basis;
}

function sumOf(values: Iterable<bigint>): bigint {
  let sum = 0n;
  for (const value of values) sum += value;
  return sum;
}

/** The later of two periods; null is earlier than any. */
function later(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}
