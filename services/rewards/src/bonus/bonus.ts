/**
 * The bonus of one participant in one programme.
 *
 * It is a function of the measured ledger lines of commission-calculation alone. At the end of period p, a window is
 * worth what its highest reached tier pays, measured on the basis *posted up to p*. The first line is posted in the
 * last period of the window; each later period whose lines change that value gets an adjustment. So neither the order
 * of earnings nor the moment at which rewards closes a period can move an amount from one period to another.
 *
 * A programme or an eligibility that becomes known late is outside that order: its difference is posted in the first
 * open period. Closed lines never change.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { lastPeriodOfWindow, nextPeriod, previousPeriod, windowOfPeriod } from '@tantieme/time/calendar/periods';
import type { BonusOfWindow, LedgerLine, ManifestEntry } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import type { EngineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { NameSet } from '@tantieme/event-sourcing/decide/name-set';
import { fullStateRequired } from '@tantieme/event-sourcing/decide/partial-state';
import type { PartialStates } from '@tantieme/event-sourcing/decide/partial-state';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { formatAmount, parseAmount } from '@tantieme/money/amount';

import type { ReceivedEarnings } from '../ledger/earnings-ledger.js';
import { countsWindow, payOf } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';
import { PARTIAL_DEAL_BYTES_MAX } from '../limits.js';

export const BONUS = 'bonus';

export function bonusStream(payee: string, programmeId: string): string {
  return `${BONUS}-${payee}|${programmeId}`;
}

/** Basis of one deal in a window, by the period in which commission-calculation posted it. */
export interface MeasuredBasis {
  readonly window: string;
  readonly period: string;
  /** Decimal text in the programme's currency. */
  readonly basis: string;
}

export interface MeasuredDeal {
  /** Stream of commission-calculation and its revision. */
  readonly origin: { readonly stream: string; readonly revision: number };
  readonly deal: string;
  /** In order of window and period; empty if the deal does not count, or no longer counts. */
  readonly basis: readonly MeasuredBasis[];
}

export interface Eligibility {
  /** Revision of the partner that decided it; null if the partner is unknown or everybody is eligible. */
  readonly partnerRevision: number | null;
  /** Null while unknown: the bonus is measured but not paid. */
  readonly eligible: boolean | null;
}

export type BonusCommand =
  | {
      readonly type: 'decide-bonus';
      readonly at: string;
      readonly payee: string;
      /** Hash of the programme's document. */
      readonly programme: string;
      /** The current state of a deal; null if only the eligibility is new. */
      readonly earnings: MeasuredDeal | null;
      readonly eligibility: Eligibility;
      /** First open period; null if none was closed yet. */
      readonly openFrom: string | null;
      /** Skips a deal that has no basis now and never had any (see the README, "Late programmes"). */
      readonly onlyIfMeasuredBefore?: boolean;
      /** Set for the command of a stored event: the version that decided it. */
      readonly engine?: number;
    }
  | { readonly type: 'close-period'; readonly at: string; readonly period: string }
  | {
      /** The period takes postings again: what is posted after it moves back. */
      readonly type: 'reopen-period';
      readonly at: string;
      readonly period: string;
      /** First open period now; null where no period is closed. */
      readonly openFrom: string | null;
      /** Set for the command of a stored event: the version that decided it. */
      readonly engine?: number;
    };

export interface DecidedWindow {
  readonly window: string;
  /** The basis of the window, summed over all periods of posting. */
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
        /** The windows that change, in order. */
        readonly windows: readonly DecidedWindow[];
        /** Version of the arithmetic. */
        readonly engine: number;
      };
    }
  | {
      readonly type: 'BonusPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly period: string;
        /** Windows with a line in the period, with all their lines up to it: published to payouts. */
        readonly bonuses: readonly BonusOfWindow[];
        readonly entry: ManifestEntry;
      };
    }
  | {
      readonly type: 'BonusPeriodReopened';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly period: string;
        readonly openFrom: string | null;
        readonly payee: string;
        readonly programme: string;
        /** The windows that change, in order. */
        readonly windows: readonly DecidedWindow[];
        /** Windows that the closing published, with their lines of earlier periods: published again. */
        readonly bonuses: readonly BonusOfWindow[];
        /** Version of the arithmetic. */
        readonly engine: number;
      };
    };

/** Newest revision of a deal: a number, or JSON of `[revision, …[window, period, basis]]` if it has a basis. */
type PackedDeal = number | string;

export interface BonusState {
  payee: string;
  /** Hash; empty before the first event. */
  programme: string;
  /** By stream of origin, then by deal. */
  readonly deals: Map<string, Map<string, PackedDeal>>;
  /** Minor units, by window and then by period of posting. */
  readonly measures: Map<string, Map<string, bigint>>;
  /** In order of period, by window. */
  readonly lines: Map<string, readonly LedgerLine[]>;
  eligibility: Eligibility;
  openFrom: string | null;
  closedThrough: string | null;
  dealBytes: number;
  /** Deals that are measured but were evicted from `deals`; undefined for a full state. */
  evictedDeals: NameSet | undefined;
  /** True for a partial state that missed an event: it cannot decide anything. */
  isStale: boolean;
}

/** A partial state keeps the sums, but only the names of the deals behind them. */
export const BONUS_PARTIAL_STATES: PartialStates<BonusState> = {
  isPartial: ({ evictedDeals }) => evictedDeals !== undefined,
  canBecomePartial: () => true,
  makePartial(state) {
    state.evictedDeals ??= new NameSet();
    for (const [stream, deals] of state.deals)
      for (const deal of deals.keys()) state.evictedDeals.add(nameOf(stream, deal));
    state.deals.clear();
    state.dealBytes = 0;
  },
  hasGrown: ({ dealBytes }) => dealBytes > PARTIAL_DEAL_BYTES_MAX,
};

function nameOf(stream: string, deal: string): string {
  return `${stream}\n${deal}`;
}

/** False for a partial state that has evicted the deal, or is stale. */
function knows({ evictedDeals, isStale }: BonusState, earnings: MeasuredDeal | null): boolean {
  if (evictedDeals === undefined) return true;
  return !isStale && (earnings === null || !evictedDeals.has(nameOf(earnings.origin.stream, earnings.deal)));
}

export const BONUS_EVENTS: EventTypes<BonusEvent> = {
  BonusDecided: { version: 1 },
  BonusPeriodClosed: { version: 1 },
  BonusPeriodReopened: { version: 1 },
};

/** The lines of a window, from what was posted before and what is measured now. */
export type BonusEngine = typeof linesOfWindow;

/** The versions of the bonus arithmetic. A changed rule is a new version; old events replay under theirs (ADR 23). */
export const BONUS_ENGINES: EngineVersions<BonusEngine> = engineVersions('bonus', { 1: linesOfWindow });

/** @param programmeOf the programme with this hash; it must know every programme in the log. */
export function bonusDecider(
  programmeOf: (hash: string) => Programme | undefined,
  engines = BONUS_ENGINES,
): Decider<BonusState, BonusCommand, BonusEvent> {
  const required = (hash: string): Programme => {
    const programme = programmeOf(hash);
    if (programme === undefined)
      throw new DomainError('ProgrammeUnknown', `no programme has the hash ${hash}`, 'not-found');
    return programme;
  };
  return {
    category: BONUS,
    events: BONUS_EVENTS,
    initialState: () => ({
      payee: '',
      programme: '',
      deals: new Map(),
      measures: new Map(),
      lines: new Map(),
      eligibility: { partnerRevision: null, eligible: null },
      openFrom: null,
      closedThrough: null,
      dealBytes: 0,
      evictedDeals: undefined,
      isStale: false,
    }),
    decide(command, state) {
      if (!knows(state, command.type === 'decide-bonus' ? command.earnings : null)) throw fullStateRequired();
      switch (command.type) {
        case 'decide-bonus':
          return decideBonus(command, state, required(command.programme), engines);
        case 'close-period':
          return state.programme === '' ? [] : closePeriod(command, state, required(state.programme));
        case 'reopen-period':
          return state.programme === '' ? [] : reopenPeriod(command, state, required(state.programme), engines);
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => evolve(state, event, required, engines),
    commandOf,
    sizeOf: ({ dealBytes, measures, lines, evictedDeals }) =>
      1000 + dealBytes + measures.size * 500 + lines.size * 500 + (evictedDeals?.bytes ?? 0),
  };
}

/** The part of the earnings from one deal that a programme measures. */
export function measuredBasisOf(programme: Programme, earnings: ReceivedEarnings): readonly MeasuredBasis[] {
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

function decideBonus(
  command: DecideBonus,
  state: BonusState,
  programme: Programme,
  engines: EngineVersions<BonusEngine>,
): BonusEvent[] {
  const { engine = engines.newest } = command;
  const linesOf = engines.of(engine);
  const { currency } = programme.document;
  const earnings = newerEarnings(command, state);
  const eligibility = isNewer(command.eligibility, state.eligibility) ? command.eligibility : state.eligibility;
  const hasBegun = state.programme !== '';
  const eligibilityChanges = hasBegun && eligibility.eligible !== state.eligibility.eligible;
  if (earnings === null && !eligibilityChanges) return [];

  const changed = changedMeasures(state, earnings, currency);
  const windows = eligibilityChanges ? new Set([...state.measures.keys(), ...changed.keys()]) : new Set(changed.keys());
  const openFrom = later(state.openFrom, command.openFrom);
  const decided = [...windows].sort().map((window) => {
    const measure = changed.get(window) ?? state.measures.get(window) ?? new Map<string, bigint>();
    const before = state.lines.get(window) ?? [];
    return {
      window,
      measured: formatAmount(sumOf(measure.values()), currency),
      lines: linesOf(programme, window, measure, eligibility.eligible === true, before, openFrom),
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
        engine,
      },
    },
  ];
}

/** The earnings of the command if they are newer than the stored revision of the deal, else null. */
function newerEarnings({ earnings, onlyIfMeasuredBefore }: DecideBonus, state: BonusState): MeasuredDeal | null {
  if (earnings === null) return null;
  const packed = state.deals.get(earnings.origin.stream)?.get(earnings.deal);
  if (packed === undefined) return earnings.basis.length === 0 && onlyIfMeasuredBefore === true ? null : earnings;
  return revisionIn(packed) < earnings.origin.revision ? earnings : null;
}

function isNewer(one: Eligibility, other: Eligibility): boolean {
  if (one.eligible === null) return false;
  return other.eligible === null || (one.partnerRevision ?? -1) > (other.partnerRevision ?? -1);
}

/** The new measures of the windows that the deal changes; the state is not modified. */
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
    const packed = state.deals.get(earnings.origin.stream)?.get(earnings.deal);
    for (const [window, period, basis] of basisIn(packed)) add(window, period, -parseAmount(basis, currency));
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
 * The lines of a window: lines of closed periods unchanged, then the difference that each open period makes.
 * @param before lines posted so far, in order of period
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

/** No event if the period is closed already, or the bonus has no line in it. */
function closePeriod({ at, period }: ClosePeriod, state: BonusState, programme: Programme): BonusEvent[] {
  if (state.closedThrough !== null && state.closedThrough >= period) return [];
  const entry = manifestEntryOf(state, programme, period);
  if (entry === undefined) return [];
  const bonuses = bonusesOf(state, programme, period, (line) => line.period <= period);
  return [{ type: 'BonusPeriodClosed', version: 1, occurredAt: at, data: { period, bonuses, entry } }];
}

/** Windows with a line in the period, in order. */
function bonusesOf(
  { payee, lines }: BonusState,
  { id, calendarKey: calendar, document }: Programme,
  period: string,
  isPublished: (line: LedgerLine) => boolean,
): readonly BonusOfWindow[] {
  return [...lines.entries()]
    .filter(([, ofWindow]) => ofWindow.some((line) => line.period === period))
    .sort(([left], [right]) => compareText(left, right))
    .map(([window, ofWindow]) => ({
      payee,
      programme: id,
      currency: document.currency,
      calendar,
      window,
      lines: ofWindow.filter(isPublished),
    }));
}

/**
 * Voids the closing of the newest closed period. What was posted after it, because it was closed, moves back; lines of
 * periods that stay closed do not change.
 */
function reopenPeriod(
  command: Extract<BonusCommand, { readonly type: 'reopen-period' }>,
  state: BonusState,
  programme: Programme,
  engines: EngineVersions<BonusEngine>,
): BonusEvent[] {
  const { at, period, openFrom, engine = engines.newest } = command;
  const isOpen = state.openFrom === null || state.openFrom <= period;
  if (isOpen && (state.closedThrough === null || state.closedThrough < period)) return [];
  const { payee, closedThrough, eligibility } = state;
  const bonuses = closedThrough === period ? bonusesOf(state, programme, period, (line) => line.period < period) : [];
  const windows = [...state.measures.keys(), ...state.lines.keys()].sort().flatMap((window, index, all) => {
    if (all[index - 1] === window) return [];
    const measure = state.measures.get(window) ?? new Map<string, bigint>();
    const before = state.lines.get(window) ?? [];
    const isEligible = eligibility.eligible === true;
    const lines = engines.of(engine)(programme, window, measure, isEligible, before, openFrom);
    if (canonicalJson(lines) === canonicalJson(before)) return [];
    return [{ window, measured: formatAmount(sumOf(measure.values()), programme.document.currency), lines }];
  });
  const data = { period, openFrom, payee, programme: state.programme, windows, bonuses, engine };
  return [{ type: 'BonusPeriodReopened', version: 1, occurredAt: at, data }];
}

/** The manifest entry of this bonus for a period; undefined if it has no line in the period. */
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

function evolve(
  state: BonusState,
  event: BonusEvent,
  programmeOf: (hash: string) => Programme,
  engines: EngineVersions<BonusEngine>,
): BonusState {
  switch (event.type) {
    case 'BonusDecided': {
      const { payee, programme, input, windows, engine } = event.data;
      // A state that a newer arithmetic made is none that this build can continue.
      engines.of(engine);
      if (!knows(state, input.earnings)) {
        state.isStale = true;
        return state;
      }
      state.payee = payee;
      state.programme = programme;
      const { currency } = programmeOf(programme).document;
      for (const [window, measure] of changedMeasures(state, input.earnings, currency))
        state.measures.set(window, new Map(measure));
      if (input.earnings !== null) storeDeal(state, input.earnings);
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
    case 'BonusPeriodReopened': {
      const { openFrom, windows, engine } = event.data;
      engines.of(engine);
      for (const { window, lines } of windows) state.lines.set(window, lines);
      state.openFrom = openFrom;
      // Every period before the first open one is closed.
      state.closedThrough =
        openFrom === null ? null : previousPeriod(programmeOf(state.programme).document.calendar, openFrom);
      return state;
    }
    default:
      return event satisfies never;
  }
}

function storeDeal(state: BonusState, { origin, deal, basis }: MeasuredDeal): void {
  let deals = state.deals.get(origin.stream);
  if (deals === undefined) {
    deals = new Map();
    state.deals.set(origin.stream, deals);
  }
  const packed =
    basis.length === 0
      ? origin.revision
      : JSON.stringify([origin.revision, ...basis.map(({ window, period, basis: text }) => [window, period, text])]);
  if (!deals.has(deal)) state.dealBytes += 150 + deal.length;
  deals.set(deal, packed);
}

function commandOf(event: BonusEvent): BonusCommand {
  switch (event.type) {
    case 'BonusDecided': {
      const { payee, programme, input, engine } = event.data;
      return { type: 'decide-bonus', at: event.occurredAt, payee, programme, ...input, engine };
    }
    case 'BonusPeriodClosed':
      return { type: 'close-period', at: event.occurredAt, period: event.data.period };
    case 'BonusPeriodReopened': {
      const { period, openFrom, engine } = event.data;
      return { type: 'reopen-period', at: event.occurredAt, period, openFrom, engine };
    }
    default:
      return event satisfies never;
  }
}

function revisionIn(packed: PackedDeal): number {
  return typeof packed === 'number' ? packed : Number.parseInt(packed.slice(1), 10);
}

function basisIn(
  packed: PackedDeal | undefined,
): readonly (readonly [window: string, period: string, basis: string])[] {
  if (packed === undefined || typeof packed === 'number') return [];
  const [, ...basis] = JSON.parse(packed) as [number, ...[string, string, string][]];
  return basis;
}

function sumOf(values: Iterable<bigint>): bigint {
  let sum = 0n;
  for (const value of values) sum += value;
  return sum;
}

/** The later of two periods; null comes before every period. */
function later(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}
