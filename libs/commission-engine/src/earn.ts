/**
 * Stage 4, earn: all lines of one payee under one plan, and what a credit of a deal changes among them. A deal that comes in
 * order costs as much as its own lines; a late one also looks at the lines after it in its windows.
 */
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { lineKey, originalKey } from './credit.js';
import type { CreditLine } from './credit.js';
import { EngineError } from './engine-error.js';
import { compareText } from './occurrence.js';
import type { CompiledComponent, CompiledPlan } from './plan.js';
import { compareLines, earnsTheSame, isMeasured, rateLine, rateReturn } from './rate.js';
import type { MeasuredLine, Rated, Trace } from './rate.js';

/** The whole credit of one deal to this payee under this plan; empty lines for a deal that credits nothing any more. */
export interface DealCredit {
  /** `source|id` */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
}

/** A line with what it earns. */
export interface EarnedLine {
  readonly line: CreditLine;
  readonly amountMinor: bigint;
}

/** A line whose amount is new or changed; JSON-ready, kept in the event. */
export interface RatedLine {
  readonly deal: string;
  /** `lineKey` of the line within its deal. */
  readonly key: string;
  readonly amount: string;
  readonly trace: Trace;
}

export interface Change {
  /** False where the credit says what the state holds already: nothing to store. */
  readonly changed: boolean;
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  /**
   * Lines that are new or say something else, or earn another amount than before: of this deal in the order of its lines,
   * then of the others in order of deal and key. A line that only moved within its tier earns the same and is not here.
   */
  readonly rated: readonly RatedLine[];
  /** The deals that change, with all their lines after the change: this one first, the others in order of key. */
  readonly deals: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[];
}

/** Plans by the hash of their document. @throws {EngineError} `PlanUnknown` */
export interface PlanByHash {
  plan(hash: string): CompiledPlan;
}

interface HeldLine extends EarnedLine, MeasuredLine {
  readonly key: string;
  /** Stands in a measurement. */
  readonly measured: boolean;
  amountMinor: bigint;
  /** Return lines that depend on this line. */
  returns: readonly HeldLine[];
}

/** The measurement of one component in one window: its lines in canonical order, and their running sum. */
interface Measurement {
  readonly lines: HeldLine[];
  /** `sums[i]` is the sum of the basis of lines 0 … i. */
  readonly sums: bigint[];
}

/** Mutable; changed by `applyChange` alone. */
export interface EarnState {
  /** By component and window. */
  readonly measurements: Map<string, Measurement>;
  readonly deals: Map<string, readonly HeldLine[]>;
  lineCount: number;
}

export function createEarnState(): EarnState {
  return { measurements: new Map(), deals: new Map(), lineCount: 0 };
}

/** A line of the credit in hand, with what is known of it. */
interface Draft extends MeasuredLine {
  readonly key: string;
  readonly plan: CompiledPlan;
  readonly component: CompiledComponent;
  /** The line that the state holds under this key. */
  readonly held: HeldLine | undefined;
  /** Whether it says the same as the held one. */
  readonly same: boolean;
  rated: Rated | undefined;
}

/** A held line that earns something else now. */
interface Shift {
  readonly held: HeldLine;
  readonly rated: Rated;
}

/**
 * What the credit changes. Pure: the state is not touched.
 * @throws {EngineError} `PlanUnknown`, `CreditInvalid`
 */
export function planCredit(state: EarnState, credit: DealCredit, plans: PlanByHash): Change {
  const before = state.deals.get(credit.deal) ?? [];
  const drafts = draftsOf(credit, before, plans);
  const byKey = draftsByKey(credit.deal, drafts);
  const unchanged = drafts.length === before.length && drafts.every(({ same }) => same);
  if (unchanged) return { changed: false, deal: credit.deal, lines: credit.lines, rated: [], deals: [] };

  const gone = before.filter(({ key }) => byKey.get(key)?.same !== true);
  const shifts = measure(state, drafts, gone, plans);
  const shiftByLine = shifts.length === 0 ? undefined : new Map(shifts.map((shift) => [shift.held, shift]));
  for (const draft of drafts) {
    if (draft.line.reverses !== undefined || draft.rated !== undefined) continue;
    if (!draft.same) draft.rated = rateLine(draft.plan, draft.component, draft.line, draft.basisMinor, 0n);
    else if (draft.held !== undefined) draft.rated = shiftByLine?.get(draft.held)?.rated;
  }
  for (const draft of drafts) rateReturnOf(draft, byKey);
  const elsewhere = shiftsElsewhere(credit.deal, shifts, plans);
  return changeOf(state, credit, drafts, elsewhere, plans);
}

/** @throws {EngineError} `CreditInvalid` where two lines have one key */
function draftsByKey(deal: string, drafts: readonly Draft[]): ReadonlyMap<string, Draft> {
  const byKey = new Map<string, Draft>();
  for (const draft of drafts) byKey.set(draft.key, draft);
  if (byKey.size !== drafts.length)
    throw new EngineError('CreditInvalid', `the credit of ${deal} has two lines of one identity`);
  return byKey;
}

function draftsOf(credit: DealCredit, before: readonly HeldLine[], plans: PlanByHash): Draft[] {
  const heldByKey = before.length === 0 ? undefined : new Map(before.map((held) => [held.key, held]));
  return credit.lines.map((line) => {
    const plan = plans.plan(line.planHash);
    const component = plan.componentById.get(line.component);
    if (component === undefined)
      throw new EngineError('CreditInvalid', `the plan ${plan.id} has no component ${line.component}`);
    const key = lineKey(line);
    const held = heldByKey?.get(key);
    return {
      deal: credit.deal,
      line,
      key,
      plan,
      component,
      basisMinor: parseMinor(line.basis, plan.decimals),
      held,
      same: held !== undefined && isSameLine(held.line, line),
      rated: undefined,
    };
  });
}

function isSameLine(left: CreditLine, right: CreditLine): boolean {
  if (left === right) return true;
  return (
    left.basis === right.basis &&
    left.at === right.at &&
    left.planHash === right.planHash &&
    left.window === right.window &&
    left.period === right.period &&
    left.quantity === right.quantity &&
    left.level === right.level &&
    left.split?.index === right.split?.index &&
    left.split?.shares.join() === right.split?.shares.join() &&
    left.reverses?.returnedBefore === right.reverses?.returnedBefore &&
    left.reverses?.returned === right.reverses?.returned &&
    left.reverses?.of === right.reverses?.of
  );
}

// ── Measurements ────────────────────────────────────────────────────────────────────────────────────────────────────

function measurementKey(line: CreditLine): string {
  return `${line.component} ${line.window}`;
}

function inMeasurement(draft: Draft): boolean {
  return draft.line.reverses === undefined && isMeasured(draft.component);
}

interface Touched {
  readonly key: string;
  readonly joining: Draft[];
  readonly leaving: Set<HeldLine>;
}

/** Rates the drafts that join a measurement, and finds the held lines that earn something else because of what joins and leaves. */
function measure(
  state: EarnState,
  drafts: readonly Draft[],
  gone: readonly HeldLine[],
  plans: PlanByHash,
): readonly Shift[] {
  if (gone.length === 0 && !drafts.some((draft) => inMeasurement(draft) && !draft.same)) return [];
  const touched = new Map<string, Touched>();
  const touch = (line: CreditLine): Touched => {
    const key = measurementKey(line);
    let found = touched.get(key);
    if (found === undefined) {
      found = { key, joining: [], leaving: new Set() };
      touched.set(key, found);
    }
    return found;
  };
  for (const draft of drafts) if (inMeasurement(draft) && !draft.same) touch(draft.line).joining.push(draft);
  for (const held of gone) if (held.measured) touch(held.line).leaving.add(held);
  return [...touched.values()].flatMap((one) => measureOne(state.measurements.get(one.key), one, plans));
}

/**
 * Goes through one measurement from the first line that changes on, beside the drafts that join it, and ends where nothing
 * differs any more. A deal in order only sees the end of the list.
 */
function measureOne(measurement: Measurement | undefined, { joining, leaving }: Touched, plans: PlanByHash): Shift[] {
  const lines = measurement?.lines ?? [];
  const sums = measurement?.sums ?? [];
  joining.sort(compareLines);
  let index = lines.length;
  if (joining[0] !== undefined) index = positionOf(lines, joining[0]);
  for (const held of leaving) index = Math.min(index, positionOf(lines, held));
  let sumMinor = sums[index - 1] ?? 0n;
  let toJoin = 0;
  let toLeave = leaving.size;
  const shifts: Shift[] = [];
  for (; ; index++) {
    const held = lines[index];
    for (let draft = joining[toJoin]; draft !== undefined; draft = joining[++toJoin]) {
      if (held !== undefined && compareLines(draft, held) > 0) break;
      draft.rated = rateLine(draft.plan, draft.component, draft.line, draft.basisMinor, sumMinor);
      sumMinor += draft.basisMinor;
    }
    if (held === undefined) return shifts;
    if (leaving.has(held)) {
      toLeave--;
      continue;
    }
    const thenMinor = (sums[index] ?? 0n) - held.basisMinor;
    if (sumMinor === thenMinor) {
      if (toLeave === 0 && toJoin === joining.length) return shifts;
    } else {
      const rated = rateShifted(held, thenMinor, sumMinor, plans);
      if (rated !== undefined) shifts.push({ held, rated });
    }
    sumMinor += held.basisMinor;
  }
}

/** What a held line earns at its new place of the measurement, where that is something else. */
function rateShifted(held: HeldLine, thenMinor: bigint, nowMinor: bigint, plans: PlanByHash): Rated | undefined {
  const { plan, component } = rulesOf(held.line, plans);
  if (earnsTheSame(component, held.basisMinor, thenMinor, nowMinor)) return undefined;
  const rated = rateLine(plan, component, held.line, held.basisMinor, nowMinor);
  return rated.amountMinor === held.amountMinor ? undefined : rated;
}

function rulesOf(
  line: CreditLine,
  plans: PlanByHash,
): { readonly plan: CompiledPlan; readonly component: CompiledComponent } {
  const plan = plans.plan(line.planHash);
  const component = plan.componentById.get(line.component);
  if (component === undefined)
    throw new EngineError('CreditInvalid', `the plan ${plan.id} has no component ${line.component}`);
  return { plan, component };
}

/** Index of the first line that does not come before the given one: where it stands, or would. */
function positionOf(lines: readonly HeldLine[], line: MeasuredLine): number {
  const last = lines.at(-1);
  if (last === undefined || compareLines(last, line) < 0) return lines.length;
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = lines[middle];
    if (at !== undefined && compareLines(at, line) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

// ── Returns ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function rateReturnOf(draft: Draft, byKey: ReadonlyMap<string, Draft>): void {
  const { reverses } = draft.line;
  if (reverses === undefined) return;
  const original = byKey.get(originalKey(draft.line, reverses));
  const earnedMinor = original?.rated?.amountMinor ?? original?.held?.amountMinor;
  if (earnedMinor === undefined)
    throw new EngineError('CreditInvalid', `${draft.key} of ${draft.deal} takes back a line that is not there`);
  const rated = rateReturn(draft.plan, reverses, earnedMinor);
  if (!draft.same || rated.amountMinor !== draft.held?.amountMinor) draft.rated = rated;
}

/** The shifts of other deals' lines, with those of the return lines that hang on them, in order of deal and key. */
function shiftsElsewhere(deal: string, shifts: readonly Shift[], plans: PlanByHash): readonly Shift[] {
  if (shifts.length === 0) return shifts;
  const elsewhere = shifts.filter(({ held }) => held.deal !== deal);
  const returned = elsewhere.flatMap(({ held, rated }) =>
    held.returns.flatMap((line): Shift[] => {
      if (line.line.reverses === undefined) return [];
      const again = rateReturn(plans.plan(line.line.planHash), line.line.reverses, rated.amountMinor);
      return again.amountMinor === line.amountMinor ? [] : [{ held: line, rated: again }];
    }),
  );
  return [...elsewhere, ...returned].sort(
    (left, right) => compareText(left.held.deal, right.held.deal) || compareText(left.held.key, right.held.key),
  );
}

// ── The change ──────────────────────────────────────────────────────────────────────────────────────────────────────

function changeOf(
  state: EarnState,
  credit: DealCredit,
  drafts: readonly Draft[],
  elsewhere: readonly Shift[],
  plans: PlanByHash,
): Change {
  const rated: RatedLine[] = [];
  const own: EarnedLine[] = [];
  for (const { deal, key, line, plan, rated: now, held } of drafts) {
    if (now !== undefined)
      rated.push({ deal, key, amount: formatMinor(now.amountMinor, plan.decimals), trace: now.trace });
    own.push({ line, amountMinor: now?.amountMinor ?? held?.amountMinor ?? 0n });
  }
  const deals = [{ deal: credit.deal, lines: own }];
  if (elsewhere.length === 0) return { changed: true, deal: credit.deal, lines: credit.lines, rated, deals };
  const amounts = new Map<EarnedLine, bigint>();
  for (const { held, rated: now } of elsewhere) {
    const { decimals } = plans.plan(held.line.planHash);
    rated.push({ deal: held.deal, key: held.key, amount: formatMinor(now.amountMinor, decimals), trace: now.trace });
    amounts.set(held, now.amountMinor);
  }
  for (const deal of new Set(elsewhere.map(({ held }) => held.deal))) {
    const lines = state.deals.get(deal) ?? [];
    deals.push({
      deal,
      lines: lines.map((held) => ({ line: held.line, amountMinor: amounts.get(held) ?? held.amountMinor })),
    });
  }
  return { changed: true, deal: credit.deal, lines: credit.lines, rated, deals };
}

/**
 * Brings the state to after the change, also from a stored event: no plan is needed.
 * @throws {EngineError} `CreditInvalid` where the change is none of this state
 */
export function applyChange(state: EarnState, change: Pick<Change, 'deal' | 'lines' | 'rated'>): void {
  const { deal } = change;
  const before = state.deals.get(deal) ?? [];
  const own: RatedLine[] = [];
  for (const rated of change.rated) {
    if (rated.deal === deal) own.push(rated);
    else heldLine(state, rated.deal, rated.key).amountMinor = minorOf(rated.amount);
  }
  const left = before.length === 0 ? NONE_HELD : new Map(before.map((held) => [held.key, held]));
  const joining: HeldLine[] = [];
  let next = 0;
  const now = change.lines.map((line) => {
    const key = lineKey(line);
    const held = left.get(key);
    // They come in the order of the lines: looking for one is not needed.
    const rated = own[next]?.key === key ? own[next++] : own.find((one) => one.key === key);
    if (held !== undefined && isSameLine(held.line, line)) {
      left.delete(key);
      held.returns = [];
      if (rated !== undefined) held.amountMinor = minorOf(rated.amount);
      return held;
    }
    if (rated === undefined) throw new EngineError('CreditInvalid', `the line ${key} of ${deal} is new, but not rated`);
    const joined = holdLine(deal, key, line, rated);
    if (joined.measured) joining.push(joined);
    return joined;
  });
  const leaving = left.size === 0 ? [] : [...left.values()].filter(({ measured }) => measured);
  if (joining.length > 0 || leaving.length > 0) changeMeasurements(state, joining, leaving);
  linkReturns(now);
  state.lineCount += now.length - before.length;
  if (now.length === 0) state.deals.delete(deal);
  else state.deals.set(deal, now);
}

/** Stays empty: nothing is deleted from it but what was found in it. */
const NONE_HELD = new Map<string, HeldLine>();

function holdLine(deal: string, key: string, line: CreditLine, { amount, trace }: RatedLine): HeldLine {
  return {
    deal,
    key,
    line,
    basisMinor: minorOf(line.basis),
    amountMinor: minorOf(amount),
    measured: trace.rate === 'marginal',
    returns: [],
  };
}

/** Minor units of a text that the engine wrote itself: it has exactly the currency's decimals. */
function minorOf(text: string): bigint {
  const point = text.indexOf('.');
  return parseMinor(text, point < 0 ? 0 : text.length - point - 1);
}

function heldLine(state: EarnState, deal: string, key: string): HeldLine {
  const held = state.deals.get(deal)?.find((line) => line.key === key);
  if (held === undefined) throw new EngineError('CreditInvalid', `there is no line ${key} of ${deal}`);
  return held;
}

function linkReturns(lines: readonly HeldLine[]): void {
  for (const returned of lines) {
    const { reverses } = returned.line;
    if (reverses === undefined) continue;
    const key = originalKey(returned.line, reverses);
    const original = lines.find((line) => line.key === key);
    if (original !== undefined) original.returns = [...original.returns, returned];
  }
}

function changeMeasurements(state: EarnState, joining: readonly HeldLine[], leaving: readonly HeldLine[]): void {
  /** From which index on the running sums are to be made anew. */
  const stale = new Map<string, number>();
  const markStale = (key: string, index: number) => stale.set(key, Math.min(index, stale.get(key) ?? index));
  for (const held of leaving) {
    const key = measurementKey(held.line);
    const measurement = state.measurements.get(key);
    const index = measurement === undefined ? -1 : positionOf(measurement.lines, held);
    if (measurement?.lines[index] !== held)
      throw new EngineError('CreditInvalid', `the line ${held.key} of ${held.deal} is not in its measurement`);
    measurement.lines.splice(index, 1);
    markStale(key, index);
  }
  for (const held of joining) {
    const key = measurementKey(held.line);
    let measurement = state.measurements.get(key);
    if (measurement === undefined) {
      measurement = { lines: [], sums: [] };
      state.measurements.set(key, measurement);
    }
    const index = positionOf(measurement.lines, held);
    if (index === measurement.lines.length) measurement.lines.push(held);
    else measurement.lines.splice(index, 0, held);
    markStale(key, index);
  }
  for (const [key, index] of stale) {
    const measurement = state.measurements.get(key);
    if (measurement === undefined) continue;
    if (measurement.lines.length === 0) state.measurements.delete(key);
    else sumFrom(measurement, index);
  }
}

function sumFrom({ lines, sums }: Measurement, index: number): void {
  let sumMinor = sums[index - 1] ?? 0n;
  sums.length = Math.min(sums.length, index);
  for (let at = index; at < lines.length; at++) {
    sumMinor += lines[at]?.basisMinor ?? 0n;
    sums.push(sumMinor);
  }
}

// ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** All lines of a deal, in the order of its credit. */
export function linesOfDeal(state: EarnState, deal: string): readonly EarnedLine[] {
  return state.deals.get(deal) ?? [];
}

/** How a line's amount comes about now, recomputed from the state's sums. Undefined where there is no such line. */
export function explainLine(state: EarnState, deal: string, key: string, plans: PlanByHash): Trace | undefined {
  const lines = state.deals.get(deal) ?? [];
  const held = lines.find((line) => line.key === key);
  if (held === undefined) return undefined;
  const { plan, component } = rulesOf(held.line, plans);
  const { reverses } = held.line;
  if (reverses !== undefined) {
    const original = heldLine(state, deal, originalKey(held.line, reverses));
    return rateReturn(plan, reverses, original.amountMinor).trace;
  }
  return rateLine(plan, component, held.line, held.basisMinor, measuredBefore(state, held)).trace;
}

function measuredBefore(state: EarnState, held: HeldLine): bigint {
  const measurement = held.measured ? state.measurements.get(measurementKey(held.line)) : undefined;
  if (measurement === undefined) return 0n;
  return measurement.sums[positionOf(measurement.lines, held) - 1] ?? 0n;
}

/** Measured with 700,000 lines of 300,000 deals read from stored text: 323 MB in all; a little more is assumed. */
const BYTES_A_LINE = 420;
const BYTES_A_DEAL = 220;

/** Bytes that the state takes in memory, roughly. */
export function sizeOfEarnState(state: EarnState): number {
  return 500 + state.lineCount * BYTES_A_LINE + state.deals.size * BYTES_A_DEAL;
}
