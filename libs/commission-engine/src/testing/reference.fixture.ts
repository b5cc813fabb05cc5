/**
 * The reference: what payees earn, written from the definitions, clear and slow, and sharing only types with the
 * engine. All credited lines of all deals in, every amount out: no state, no order of arrival, no running sums.
 * Supports calendars of months, quarters and years from 1 January.
 */
import type { PayeeTerms } from '../earn/payee-terms.js';
import type { CreditLine } from '../credit/credit-line.js';
import { dividedBy, fractionOf, partOf, plus, schoolRound, times, whole } from './fractions.fixture.js';
import type { Fraction } from './fractions.fixture.js';
import type { ComponentDocument, PlanDocument } from '../plan/document.js';
import { endOfAgreements, referenceGuaranteesAndDraws } from './reference-payee.fixture.js';
import type { PayeeLevelAmount } from './reference-payee.fixture.js';
import {
  dayOf,
  lastPeriodOf,
  monthsBefore,
  startDayOf,
  windowAfter,
  windowContaining,
} from './reference-calendar.fixture.js';
import { earnedAt, isBarred, isMeasured, isQuotaMissing, ratingContextOf } from './reference-rate.fixture.js';

export interface CreditedLine {
  readonly payee: string;
  readonly source: string;
  readonly deal: string;
  readonly line: CreditLine;
}

export interface ReferenceFacts {
  /** By hash. */
  readonly documents: ReadonlyMap<string, PlanDocument>;
  readonly decimals: number;
  readonly lines: readonly CreditedLine[];
  readonly payeeTermsOf: (payee: string) => PayeeTerms;
}

export interface ReferenceEarnings {
  /** What each line earns, in minor units, in the given order. */
  readonly amounts: readonly bigint[];
  readonly payeeLevel: readonly PayeeLevelAmount[];
}

/** A line with what it adds to its measurement and what it earns, both set step by step. */
interface Entry extends CreditedLine {
  readonly component: ComponentDocument;
  basis: bigint;
  /** Its return lines. */
  readonly returns: Entry[];
  amount: bigint;
}

/** A line's place: instant, source, deal, occurrence, line, and then the other fields of its identity. */
function placeOf({ source, deal, line }: CreditedLine): string[] {
  return [
    line.at,
    source,
    deal,
    line.occurrence,
    line.line,
    line.component,
    line.reverses?.occurrence ?? '',
    line.child?.component ?? '',
    line.child?.payee ?? '',
    String(line.month ?? 0).padStart(4, '0'),
    String(line.reserves ?? false),
    line.releases?.occurrence ?? '',
  ];
}

export function compareBy(left: readonly string[], right: readonly string[]): number {
  for (const [index, text] of left.entries()) {
    const other = right[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}

const inOrder = <Line extends CreditedLine>(lines: readonly Line[]): Line[] =>
  lines
    .slice()
    .sort((left, right) => compareBy(placeOf(left), placeOf(right)) || compareBy([left.payee], [right.payee]));

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((all, one) => all + one, 0n);
const leastOf = (left: bigint, right: bigint): bigint => (left < right ? left : right);

/** The identity of a sale within its payee, with the given occurrence. */
const lineOf = ({ source, deal, line }: CreditedLine, occurrence: string): string =>
  JSON.stringify([source, deal, line.line, occurrence, line.month, line.child?.component, line.child?.payee]);

/** Measure → rate → returns → limit → budget → hold, then overrides of earnings, then guarantees and draws. */
export function referenceEarnings({ documents, decimals, lines, payeeTermsOf }: ReferenceFacts): ReferenceEarnings {
  const unit: Fraction = [10n ** BigInt(decimals), 1n];
  const documentOf = (hash: string): PlanDocument => {
    const document = documents.get(hash);
    if (document === undefined) throw new Error(`no document ${hash}`);
    return document;
  };
  const modeOf = ({ line }: CreditedLine) => documentOf(line.planVersion).rounding ?? 'half-up';
  const minorOf = (text: string) => schoolRound(times(fractionOf(text), unit), 'down');
  const money = (minor: bigint): Fraction => times(whole(minor), [1n, unit[0]]);
  const entries = lines.map((credited): Entry => {
    const component = documentOf(credited.line.planVersion).components.find(({ id }) => id === credited.line.component);
    if (component === undefined) throw new Error(`no component ${credited.line.component}`);
    return { ...credited, component, basis: minorOf(credited.line.basis), returns: [], amount: 0n };
  });
  const payeeLevelLines: PayeeLevelAmount[] = [];
  earnAll(entries.filter((entry) => !isOfEarning(entry)));
  for (const entry of entries.filter(isOfEarning)) entry.basis = childEarning(entry);
  earnAll(entries.filter(isOfEarning));
  for (const payee of new Set(entries.map((entry) => entry.payee))) {
    const own = [
      ...entries
        .filter((entry) => entry.payee === payee && !isHeld(entry))
        .map(({ line, amount }) => ({ component: line.component, period: line.period, amountMinor: amount })),
      ...payeeLevelLines.filter((line) => line.payee === payee),
    ];
    payeeLevelLines.push(...referenceGuaranteesAndDraws(payee, own, payeeTermsOf(payee), documentOf, unit));
  }
  return { amounts: entries.map(({ amount }) => amount), payeeLevel: payeeLevelLines };

  function isHeld({ line }: Entry): boolean {
    return line.reserves === true || line.releases !== undefined;
  }

  function isOfEarning({ component: { credit } }: Entry): boolean {
    return 'of' in credit && credit.of === 'earning';
  }

  function childEarning({ source, deal, line }: Entry): bigint {
    if (line.reserves === true || line.releases !== undefined) return 0n;
    const child = entries.find(
      (other) =>
        other.payee === line.child?.payee &&
        other.line.component === line.child.component &&
        other.source === source &&
        other.deal === deal &&
        other.line.line === line.line &&
        other.line.occurrence === line.occurrence &&
        other.line.month === line.month &&
        other.line.reverses?.occurrence === line.reverses?.occurrence &&
        !isHeld(other) &&
        other.line.child === undefined,
    );
    return child?.amount ?? 0n;
  }

  function earnAll(all: readonly Entry[]): void {
    const groups = [...new Set(all.map(({ payee, line }) => `${payee} ${line.component}`))];
    for (const group of groups) earn(inOrder(all.filter(({ payee, line }) => `${payee} ${line.component}` === group)));
    for (const id of new Set(all.map(({ line }) => line.component)))
      grant(inOrder(all.filter((entry) => entry.line.component === id && !isHeld(entry))));
    for (const entry of all) if (entry.line.reserves === true) hold(entry, all);
    for (const entry of all) release(entry, all);
  }

  /** Grants the budget in canonical order. */
  function grant(claims: readonly Entry[]): void {
    const budget = claims.at(-1)?.component.budget;
    if (budget === undefined) return;
    let claimed = 0n;
    for (const entry of claims) {
      const before = leastOf(claimed, minorOf(budget));
      claimed += entry.amount;
      entry.amount = leastOf(claimed, minorOf(budget)) - before;
    }
  }

  /** What one payee earns with one component: measure → rate → returns → limit. */
  function earn(all: readonly Entry[]): void {
    const sales = all.filter((entry) => !isHeld(entry) && isOwnLine(entry));
    for (const entry of all) {
      if (isHeld(entry) || isOwnLine(entry) || entry.line.reverses === undefined) continue;
      const sold = lineOf(entry, entry.line.reverses.occurrence);
      const sale = sales.find(
        (other) => other.line.reverses === undefined && lineOf(other, other.line.occurrence) === sold,
      );
      if (sale === undefined) throw new Error('a return without its sale');
      sale.returns.push(entry);
    }
    for (const sale of sales) if (policyOf(sale) === 're-rate') sale.basis = basisAfter(sale, sale.returns.length);
    rate(sales, sales);
    for (const measurement of new Set(sales.map(measurementOf)))
      applyReturns(
        sales.filter((sale) => measurementOf(sale) === measurement),
        sales,
      );
    limit(all.filter((entry) => !isHeld(entry)));
  }

  /** True for all lines but returns to the original window. */
  function isOwnLine({ line, component }: Entry): boolean {
    return line.reverses === undefined || component.returns?.window === 'current';
  }

  function isFlat({ component: { rate: declared } }: Entry): boolean {
    return declared !== undefined && 'flat' in declared;
  }

  function policyOf({ component }: Entry): string {
    const policy = component.returns?.policy ?? 'line';
    return isMeasured(component) || policy === 'none' ? policy : 'line';
  }

  function basisAfter({ line, returns }: Entry, count: number): bigint {
    return minorOf(line.basis) + sum(returns.slice(0, count).map((one) => minorOf(one.line.basis)));
  }

  function measurementOf({ source, deal, line }: Entry): string {
    return line.window === 'deal' ? `${source}|${deal}` : line.window;
  }

  // ── Measure and rate
  // ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Rates sales of a payee and component. @param measured all sales of that payee and component */
  function rate(sales: readonly Entry[], measured: readonly Entry[]): void {
    for (const sale of sales) {
      const { line, component } = sale;
      const isTeams = line.child !== undefined && !('override' in component.credit);
      sale.amount = isTeams ? 0n : amountOf(sale, measured);
    }
  }

  function amountOf(sale: Entry, measured: readonly Entry[]): bigint {
    const { line, component } = sale;
    if (!isMeasured(component)) return alone(sale);
    const own = measured.filter((other) => measurementOf(other) === measurementOf(sale) && isWithin(other, sale));
    const before = own.filter((other) => compareBy(placeOf(other), placeOf(sale)) < 0);
    const total = own.filter((other) => line.window !== 'rolling' || compareBy(placeOf(other), placeOf(sale)) <= 0);
    const sumOf = (some: readonly Entry[]) => money(sum(some.map(({ basis }) => basis)));
    const context = ratingContextOf(
      component,
      line.window,
      sumOf(total),
      (window) => sumOf(measured.filter((other) => other.line.window === window)),
      payeeTermsOf(sale.payee),
    );
    if (isQuotaMissing(component, context) || isBarred(component, context)) return 0n;
    if (component.rate !== undefined && 'flat' in component.rate) return alone(sale);
    const earned = earnedAt(component, line, money(sale.basis), sumOf(before), context);
    return schoolRound(times(earned, unit), modeOf(sale));
  }

  /** A rolling measurement contains the lines of its last months. */
  function isWithin(other: Entry, { line, component }: Entry): boolean {
    const over = component.measure?.over;
    return typeof over !== 'object' || other.line.at > monthsBefore(line.at, Number(over.rollingMonths));
  }

  function alone(sale: Entry): bigint {
    const { line, component, basis } = sale;
    const { credit, rate: declared, recurring } = component;
    const share = (pay: string) => schoolRound(times(whole(basis), fractionOf(pay)), modeOf(sale));
    if ('override' in credit)
      return share(credit.of === 'spread' ? (line.spread ?? '0') : (credit.levels[(line.level ?? 0) - 1] ?? '0'));
    if (recurring !== undefined)
      return share(
        recurring.rate.find(({ upTo }) => upTo === undefined || (line.month ?? 0) <= Number(upTo))?.pay ?? '0',
      );
    if (declared === undefined) throw new Error('no rate');
    if ('percent' in declared) return share(declared.percent);
    if ('matrix' in declared) return share(declared.matrix.rules[line.rule ?? -1]?.pay ?? '0');
    if (!('flat' in declared)) throw new Error('the rate needs a measurement');
    const units = line.quantity ?? (basis < 0n ? '-1' : '1');
    const amount = schoolRound(times(times(fractionOf(declared.flat), fractionOf(units)), unit), modeOf(sale));
    if (line.split === undefined) return amount;
    const other = 'same' in credit ? credit.same : undefined;
    const named = documentOf(line.planVersion).components.find(({ id }) => id === other)?.credit ?? credit;
    const remainder = 'trigger' in named ? (named.remainder ?? 'largest') : 'largest';
    return partOf(amount, line.split.shares, line.split.index, remainder);
  }

  // ── Returns
  // ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  function applyReturns(sales: readonly Entry[], measured: readonly Entry[]): void {
    const returns = inOrder(sales.flatMap((sale) => sale.returns));
    const saleOf = (one: Entry) => sales.find((sale) => sale.returns.includes(one)) ?? one;
    const averaged = returns.filter((one) => policyOf(one) === 'average');
    // Re-rating cannot shrink a flat amount with its basis: the return takes its share of it.
    const rerated = returns.filter((one) => policyOf(one) === 're-rate' && !isFlat(one));
    for (const one of returns) {
      if (isOfEarning(one)) one.amount = alone(one);
      else if (policyOf(one) === 'none' || one.line.reverses === undefined) one.amount = 0n;
      else if (policyOf(one) === 'line' || isFlat(one)) {
        const { returnedBefore, returned, of } = one.line.reverses;
        const before = fractionOf(returnedBefore);
        one.amount = banded(
          one,
          part(saleOf(one).amount, before, of, one) -
            part(saleOf(one).amount, plus(before, fractionOf(returned)), of, one),
        );
      }
    }
    const earned = sum(sales.map(({ amount }) => amount));
    const sold = sum(sales.map(({ basis }) => basis));
    averaged.forEach((one, index) => {
      const back = (count: number) => -sum(averaged.slice(0, count).map(({ basis }) => basis));
      const returnedUpTo = (count: number) =>
        schoolRound(dividedBy(times(whole(earned), whole(back(count))), whole(sold)), modeOf(one));
      one.amount = sold === 0n ? 0n : banded(one, returnedUpTo(index) - returnedUpTo(index + 1));
    });
    if (!rerated.some(({ component }) => component.returns?.bands !== undefined)) return;
    /** What the measurement earns after only the first `count` returns. */
    const after = (count: number): bigint => {
      const then = measured.map((sale) => {
        const effective = sale.returns.filter((one) => !rerated.includes(one) || rerated.indexOf(one) < count);
        return { ...sale, basis: basisAfter({ ...sale, returns: effective }, effective.length) };
      });
      const here = then.filter((sale) => measurementOf(sale) === measurementOf(sales[0] ?? sale));
      rate(here, then);
      return sum(here.map(({ amount }) => amount));
    };
    rerated.forEach((one, index) => {
      const lost = after(index + 1) - after(index);
      one.amount = banded(one, lost) - lost;
    });
  }

  /** `amount × part ÷ of`, rounded. */
  function part(amount: bigint, done: Fraction, of: string, entry: Entry): bigint {
    return schoolRound(times(whole(amount), dividedBy(done, fractionOf(of))), modeOf(entry));
  }

  function banded(entry: Entry, amount: bigint): bigint {
    const bands = entry.component.returns?.bands;
    if (bands === undefined) return amount;
    const after = entry.line.reverses?.after ?? 0;
    const band = bands.find(({ within }) => within === undefined || after <= Number.parseInt(within, 10));
    return schoolRound(times(whole(amount), fractionOf(band?.take ?? '0')), modeOf(entry));
  }

  // ── Limit
  // ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  function limit(all: readonly Entry[]): void {
    const declared = all.at(-1)?.component.limit;
    if (declared === undefined) return;
    const over = declared.perQuarter !== undefined ? 'quarter' : declared.perYear !== undefined ? 'year' : 'period';
    const cap = minorOf(declared.perDeal ?? declared.perPeriod ?? declared.perQuarter ?? declared.perYear ?? '0');
    const saleOf = (entry: Entry) => all.find((sale) => sale.returns.includes(entry));
    const earnedIn = new Map<string, bigint>();
    // A return belongs to the scope of its sale.
    const scopeOf = (entry: Entry) =>
      declared.perDeal === undefined
        ? windowContaining(over, (saleOf(entry) ?? entry).line.period)
        : `${entry.source}|${entry.deal}`;
    const scopes = [...new Set(all.map(scopeOf))].sort();
    for (const scope of scopes) {
      const own = all.filter((entry) => scopeOf(entry) === scope);
      const isSpent = (entry: Entry) => declared.headroom === 'spent' && saleOf(entry) !== undefined;
      let earned = 0n;
      for (const entry of own.filter((one) => !isSpent(one))) {
        const before = leastOf(earned, cap);
        earned += entry.amount;
        entry.amount = leastOf(earned, cap) - before;
      }
      for (const entry of own.filter(isSpent)) {
        const sale = saleOf(entry) ?? entry;
        const { returnedBefore = '0', returned = '0', of = '1' } = entry.line.reverses ?? {};
        const before = fractionOf(returnedBefore);
        entry.amount = banded(
          entry,
          part(sale.amount, before, of, entry) - part(sale.amount, plus(before, fractionOf(returned)), of, entry),
        );
      }
      earnedIn.set(scope, earned);
    }
    const [first] = all;
    if (declared.excess === 'deferred' && first !== undefined) defer(first, cap, earnedIn);
  }

  /** Pays excess window by window until none is left. */
  function defer(one: Entry, cap: bigint, earnedIn: ReadonlyMap<string, bigint>): void {
    const last = [...earnedIn.keys()].sort().at(-1) ?? '';
    const end = endOfAgreements(payeeTermsOf(one.payee));
    const { ends } = documentOf(one.line.planVersion);
    let deferred = 0n;
    let empty = 0;
    for (let window = [...earnedIn.keys()].sort()[0] ?? ''; ; window = windowAfter(window)) {
      const earned = earnedIn.get(window) ?? 0n;
      const isOver = end !== undefined && end <= startDayOf(window);
      if (isOver && ends?.deferred !== 'pay') deferred = 0n;
      const paid = isOver ? deferred : leastOf(cap, earned + deferred) - leastOf(cap, earned);
      const period = lastPeriodOf(window, one.line.period);
      if (paid !== 0n)
        payeeLevelLines.push({
          payee: one.payee,
          component: one.line.component,
          kind: 'deferred',
          period,
          amountMinor: paid,
        });
      const left = earned + deferred - paid - leastOf(cap, earned);
      deferred = left > 0n ? left : 0n;
      if (window >= last && (deferred === 0n || cap === 0n || empty++ === 120)) return;
    }
  }

  // ── Hold
  // ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** True where both lines refer to the same occurrence of the same payee, component and deal line. */
  function isAbout(other: Entry, one: Entry, occurrence: string): boolean {
    return (
      other.payee === one.payee &&
      other.line.component === one.line.component &&
      (other.line.releases ?? other.line.reverses ?? other.line).occurrence === occurrence &&
      lineOf(other, occurrence) === lineOf(one, occurrence)
    );
  }

  /** Holds back a share of what a line earns, and frees it for what a return line takes. */
  function hold(reserve: Entry, all: readonly Entry[]): void {
    const { line } = reserve;
    const reserved = all.find(
      (other) =>
        !isHeld(other) &&
        other.line.occurrence === line.occurrence &&
        other.line.reverses?.occurrence === line.reverses?.occurrence &&
        isAbout(other, reserve, (line.reverses ?? line).occurrence),
    );
    const declared = reserve.component.hold;
    const childHold = documentOf(line.planVersion).components.find(({ id }) => id === line.child?.component)?.hold;
    const rules = declared === 'as-child' ? childHold : declared;
    const share = typeof rules === 'object' ? (rules.part ?? '1') : '0';
    reserve.amount = -schoolRound(times(whole(reserved?.amount ?? 0n), fractionOf(share)), modeOf(reserve));
  }

  /** Releases a line's held amount step by step, rounded cumulatively. */
  function release(entry: Entry, all: readonly Entry[]): void {
    const { line, payee } = entry;
    if (line.releases === undefined) return;
    const { occurrence, doneBefore, done, of } = line.releases;
    const reserves = all.filter((other) => other.line.reserves === true && isAbout(other, entry, occurrence));
    const held = -sum(reserves.map(({ amount }) => amount));
    const before = fractionOf(doneBefore);
    const end = endOfAgreements(payeeTermsOf(payee));
    const { ends, calendar } = documentOf(line.planVersion);
    // What is not released by the end of the agreement may be forfeited.
    if (ends?.held === 'forfeit' && end !== undefined && end <= dayOf(line.at, calendar.timeZone)) entry.amount = 0n;
    else entry.amount = part(held, plus(before, fractionOf(done)), of, entry) - part(held, before, of, entry);
  }
}
