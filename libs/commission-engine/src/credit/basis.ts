/**
 * The basis of a credited line: summed over its parts, converted to the plan's currency, shared among the role's
 * holders.
 */
import { lastDayOfPeriod, periodAt, windowStartDay } from '@tantieme/time/calendar/periods';
import { addDays } from '@tantieme/time/day';
import { dayAt } from '@tantieme/time/time-zone';
import { allocate } from '@tantieme/money/allocation';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { decimalFault, parseDecimal, parseRate, powerOfTen } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { divideRounded } from '@tantieme/money/rounding';
import { parseInstant } from '@tantieme/time/instant';
import { dealKey } from '../deal/deal.js';
import type { Deal, DealLine } from '../deal/deal.js';
import { QUANTITY_MAX, magnitude } from '../deal/occurrence.js';
import type { LinePart } from '../deal/occurrence.js';
import type { MonthPart } from '../deal/service-months.js';
import type { CompiledComponent, CompiledPlan, DirectCredit } from '../plan/compiled.js';
import type { Basis } from '../plan/document.js';
import type { ComponentVersion } from '../plan/history.js';
import type { Conversion } from './credit-line.js';
import { addPending } from './crediting.js';
import type { Holder, Crediting } from './crediting.js';
import type { ExchangeRateAsOf } from './lookup.js';

/**
 * Largest basis, in units of the plan's currency: at the largest rate, 10,000, its earnings have the 18 digits that
 * messages hold.
 */
const BASIS_UNITS_MAX = 10n ** 14n;

/** Parts that are credited together: one part, or all parts of a line or deal where a flat amount is paid once. */
export interface CreditUnit {
  readonly version: ComponentVersion;
  readonly component: CompiledComponent;
  readonly credit: DirectCredit;
  readonly parts: (LinePart | MonthPart)[];
}

/** The unit's basis in the plan's currency, shared among the holders. */
export interface SharedBasis {
  readonly parts: readonly bigint[];
  readonly converted: Conversion | undefined;
}

export function sharedBasisOf(
  crediting: Crediting,
  unit: CreditUnit,
  holders: readonly Holder[],
  atMs: number,
): SharedBasis | undefined {
  const sumMinor = basisOf(crediting, unit);
  if (sumMinor === undefined) return undefined;
  const exchanged = convert(crediting, unit, sumMinor, atMs);
  if (exchanged === undefined) return undefined;
  if (magnitude(exchanged.minor) > BASIS_UNITS_MAX * powerOfTen(unit.version.plan.decimals)) {
    const { id: plan, currency } = unit.version.plan;
    const message = `for ${plan}/${unit.component.id}: the basis exceeds the largest one, ${currency} 100,000,000,000,000`;
    addPending(crediting, 'TermsInvalid', `deal:${dealKey(crediting.deal)}`, message);
    return undefined;
  }
  const shares = holders.map(({ share }) => share);
  return { parts: allocate(exchanged.minor, shares, unit.credit.remainder), converted: exchanged.converted };
}

/**
 * The unit's basis in minor units of the deal's currency. Undefined, and pending, where the deal lacks the data for it.
 */
function basisOf(
  crediting: Crediting,
  { version: { plan }, credit, component, parts }: CreditUnit,
): bigint | undefined {
  let sumMinor = 0n;
  for (const part of parts) {
    const basisMinor = basisOfPart(part, credit.basis, plan.decimals);
    const unitsFault =
      component.rate.kind === 'flat' && component.rate.per === 'unit' ? quantityFault(part.line) : undefined;
    const fault = typeof basisMinor === 'string' ? basisMinor : unitsFault;
    if (fault !== undefined || typeof basisMinor === 'string') {
      const code = fault?.endsWith('missing') ? 'TermsMissing' : 'TermsInvalid';
      addPending(
        crediting,
        code,
        `deal:${dealKey(crediting.deal)}`,
        `line ${part.line.id}, for ${plan.id}/${component.id}: ${fault}`,
      );
      return undefined;
    }
    sumMinor += basisMinor;
  }
  return sumMinor;
}

/** The basis in minor units, or the reason why there is none. */
function basisOfPart(
  { line, netMinor, grossMinor, costMinor }: LinePart,
  basis: Basis,
  decimals: number,
): bigint | string {
  switch (basis) {
    // The net of an instalment's part is what was collected.
    case 'net':
    case 'collected':
      return netMinor;
    case 'gross':
      return grossMinor ?? 'gross is missing';
    case 'margin':
      return costMinor === undefined ? 'cost is missing' : netMinor - costMinor;
    case 'quantity': {
      if (line.quantity === undefined) return 'quantity is missing';
      const fault = quantityFault(line);
      if (fault !== undefined) return fault;
      try {
        return parseMinor(line.quantity, decimals);
      } catch (tooPrecise) {
        if (tooPrecise instanceof MoneyError) return `quantity: ${tooPrecise.reason}`;
        throw tooPrecise;
      }
    }
    default:
      return basis satisfies never;
  }
}

function quantityFault(line: DealLine): string | undefined {
  if (line.quantity === undefined) return 'quantity is missing';
  const fault = decimalFault(line.quantity);
  if (fault !== undefined) return `quantity: ${fault}`;
  const { numerator, denominator } = parseDecimal(line.quantity);
  return magnitude(numerator) > QUANTITY_MAX * denominator
    ? `quantity: ${line.quantity} exceeds the largest quantity, 1,000,000,000`
    : undefined;
}

/** The basis in the plan's currency, rounded once. Undefined, and pending, where the exchange rate is missing. */
function convert(
  crediting: Crediting,
  { version: { plan }, credit, parts }: CreditUnit,
  minor: bigint,
  atMs: number,
): { readonly minor: bigint; readonly converted: Conversion | undefined } | undefined {
  const { currency: from } = crediting.terms;
  if (from === plan.currency || credit.basis === 'quantity') return { minor, converted: undefined };
  const { on } = plan.exchange;
  const found = exchangeRate(crediting, plan, parts, atMs);
  if (typeof found === 'string') {
    addPending(crediting, 'ExchangeRateMissing', `exchange-rate:${from}/${plan.currency}`, found);
    return undefined;
  }
  const { numerator, denominator } = parseRate(found.rate);
  const fromDecimals = decimalsOf(from);
  return {
    minor: divideRounded(
      minor * numerator * powerOfTen(plan.decimals),
      denominator * powerOfTen(fromDecimals),
      plan.rounding,
    ),
    converted: { from, amount: formatMinor(minor, fromDecimals), ...found, on },
  };
}

/** The rate, or the reason why there is none. */
function exchangeRate(
  crediting: Crediting,
  plan: CompiledPlan,
  parts: readonly LinePart[],
  atMs: number,
): ExchangeRateAsOf | string {
  const { currency: from } = crediting.terms;
  const { calendar, currency: to } = plan;
  const { on, maxAgeDays } = plan.exchange;
  const needed = `the deal is in ${from}, the plan ${plan.id} in ${to}`;
  if (on === 'period-average') {
    const period = periodAt(calendar, atMs);
    const until = addDays(lastDayOfPeriod(calendar, period), 1);
    const average = crediting.lookup.exchangeAverage?.(from, to, windowStartDay(calendar, period), until);
    return average ?? `${needed}: no rate was published in ${period}`;
  }
  let day = dayAt(calendar.timeZone, atMs);
  if (on === 'period-end') day = lastDayOfPeriod(calendar, periodAt(calendar, atMs));
  if (on === 'invoice') {
    const invoiced = firstInvoiceOf(crediting.deal, parts[0]?.line.id);
    if (invoiced === undefined) return `${needed}: the rate is that of the invoice's day, and there is no invoice yet`;
    day = dayAt(calendar.timeZone, parseInstant(invoiced));
  }
  const rate = crediting.lookup.exchangeRate?.(from, to, day, maxAgeDays);
  return rate ?? `${needed}: no rate was published in the ${maxAgeDays} days up to ${day}`;
}

function firstInvoiceOf({ invoices }: Deal, line: string | undefined): string | undefined {
  return invoices
    .filter(({ lines }) => lines === undefined || lines.some(({ id }) => id === line))
    .map(({ at }) => at)
    .sort((left, right) => parseInstant(left) - parseInstant(right))[0];
}
