/** Random histories, and what the engine and the reference calculate for them. */
import fc from 'fast-check';
import { NO_PAYEE_TERMS } from '../earn/payee-terms.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { calculate } from '../earn/calculate.js';
import type { CalculatedLine } from '../earn/calculate.js';
import { creditDeal } from '../credit/credit.js';
import { lineKey } from '../credit/credit-line.js';
import type { Deal } from '../deal/deal.js';
import type { CompiledPlan } from '../plan/compiled.js';
import type { PlanDocument } from '../plan/document.js';
import { anyTermsByPayee, anyRevision, dealOf, LOOKUP } from './random-deals.fixture.js';
import type { TermsByPayee } from './random-deals.fixture.js';
import type { AnyPlan } from './random-plan.fixture.js';
import { referenceEarnings } from './reference.fixture.js';
import type { CreditedLine } from './reference.fixture.js';

export interface AnyHistory extends AnyPlan {
  readonly deals: readonly Deal[];
  readonly payeeTerms: TermsByPayee;
}

export const anyHistoryOf = (anyPlan: fc.Arbitrary<AnyPlan>, dealsMax: number): fc.Arbitrary<AnyHistory> =>
  anyPlan.chain(({ document, plan }) =>
    fc.record({
      document: fc.constant(document),
      plan: fc.constant(plan),
      deals: fc
        .array(anyRevision(plan), { minLength: 1, maxLength: dealsMax })
        .map((revisions) => revisions.map(dealOf)),
      payeeTerms: anyTermsByPayee(plan),
    }),
  );

export function versionsOf(plan: CompiledPlan): { effectiveFrom: string; plan: CompiledPlan }[] {
  return [{ effectiveFrom: '2000-01-01', plan }];
}

export const payeeTermsOf =
  (payeeTerms: TermsByPayee) =>
  (payee: string): PayeeTerms =>
    payeeTerms[payee] ?? NO_PAYEE_TERMS;

/** Every credited line of the deals. */
export function creditedLines(plan: CompiledPlan, deals: readonly Deal[]): readonly CreditedLine[] {
  const versions = versionsOf(plan);
  return deals.flatMap((deal) =>
    creditDeal(deal, versions, LOOKUP).credits.flatMap(({ payee, lines }) =>
      lines.map((line) => ({ payee, source: deal.source, deal: deal.id, line })),
    ),
  );
}

export function calculatedLines(
  plan: CompiledPlan,
  deals: readonly Deal[],
  payeeTerms: TermsByPayee,
): readonly CalculatedLine[] {
  return calculate({ deals, versions: versionsOf(plan), lookup: LOOKUP, payeeTermsOf: payeeTermsOf(payeeTerms) }).lines;
}

/** Identity of a line over all payees. */
export function nameOf({ payee, deal, component, line, period }: CalculatedLine): string {
  return typeof line === 'string' ? `${payee} ${component} ${line} ${period}` : `${payee} ${deal} ${lineKey(line)}`;
}

/** `line amount` texts in sorted order, for comparisons. */
export function textOf(amounts: ReadonlyMap<string, bigint>): readonly string[] {
  return Array.from(amounts, ([name, amount]) => `${name} ${amount}`).sort();
}

export function amountsOf(lines: readonly CalculatedLine[]): ReadonlyMap<string, bigint> {
  return new Map(lines.map((line) => [nameOf(line), line.amountMinor]));
}

/** The reference's amounts, named as by `nameOf`. */
export function referenceAmounts(
  document: PlanDocument,
  plan: CompiledPlan,
  deals: readonly Deal[],
  payeeTerms: TermsByPayee,
): ReadonlyMap<string, bigint> {
  const lines = creditedLines(plan, deals);
  const { amounts, payeeLevel } = referenceEarnings({
    documents: new Map([[plan.version, document]]),
    decimals: plan.decimals,
    lines,
    payeeTermsOf: payeeTermsOf(payeeTerms),
  });
  return new Map([
    ...lines.map(
      ({ payee, source, deal, line }, index) =>
        [`${payee} ${source}|${deal} ${lineKey(line)}`, amounts[index] ?? 0n] as const,
    ),
    ...payeeLevel.map(
      ({ payee, component, kind, period, amountMinor }) =>
        [`${payee} ${component} ${kind} ${period}`, amountMinor] as const,
    ),
  ]);
}
