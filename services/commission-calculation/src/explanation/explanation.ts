/**
 * How a ledger line came about: posting, rate with its portions, credit, and source line of the deal; as data and as
 * sentences.
 */
import type { Conversion, CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import type { Trace } from '@tantieme/commission-engine/rate/trace';
import type { Deal, DealLine } from '@tantieme/contracts/deal';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { UsedPartner } from '../credit/credit.js';
import type { PublishedPlan } from '../plan/plan.js';
import { partnerKey } from '../reference/stream/reference-keys.js';
import type { PostedLine } from '../earning/posting.js';

export interface ExplainedLine {
  readonly line: CreditLine;
  readonly amount: string;
  readonly trace: Trace;
}

/** The event that credited the line, with the partners as it looked them up. */
export interface ExplainedCredit {
  readonly stream: string;
  readonly revision: number;
  readonly number: number;
  readonly partners: readonly UsedPartner[];
}

/** The deal, and the line of it that was credited. */
export interface ExplainedSource {
  readonly deal: Deal;
  readonly line?: DealLine;
}

export interface Explanation {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  /** Postings of this component, deal and line. */
  readonly posted: readonly PostedLine[];
  /** The credited lines with their current earnings, and how each came about. */
  readonly earned: readonly ExplainedLine[];
  readonly credit?: ExplainedCredit;
  readonly source?: ExplainedSource;
  readonly text: readonly string[];
}

/** The part of an explanation that a partner may see: without other partners, and without costs of the deal. */
export function forPartner(explanation: Omit<Explanation, 'text'>): Omit<Explanation, 'text'> {
  const { credit, source, payee } = explanation;
  return omitUndefined({
    ...explanation,
    credit: credit && { ...credit, partners: credit.partners.filter(({ key }) => key === partnerKey(payee)) },
    source:
      source &&
      omitUndefined({
        deal: forPayee(source.deal, payee),
        line: source.line && withoutCost(source.line),
      }),
  });
}

function withoutCost({ cost: _, original: __, ...line }: DealLine): DealLine {
  return line;
}

/** The deal without costs, customer, attributes and other partners. */
function forPayee({ terms, invoices, registrations, changes, ...deal }: Deal, payee: string): Deal {
  return omitUndefined({
    ...deal,
    registrations: registrations?.filter(({ holder }) => holder === payee),
    changes: changes?.map(({ lines, ...change }) => ({ ...change, lines: lines.map(withoutCost) })),
    invoices: invoices.map(({ lines, ...invoice }) =>
      lines === undefined ? invoice : { ...invoice, lines: lines.map(withoutCost) },
    ),
    terms: terms && termsForPayee(terms, payee),
  });
}

function termsForPayee(terms: NonNullable<Deal['terms']>, payee: string): NonNullable<Deal['terms']> {
  const { customer: _, attributes: __, partners, lines, ...visible } = terms;
  return {
    ...visible,
    lines: lines.map(withoutCost),
    partners: partners.filter(({ partner }) => partner === payee),
  };
}

export function explanationText(
  explanation: Omit<Explanation, 'text'>,
  plan: PublishedPlan | undefined,
): readonly string[] {
  const { currency, posted, earned, credit, source, payee } = explanation;
  return [
    ...posted.map(
      ({ amount, kind, period, origin, component, line, exchanged = [] }) =>
        `${amount} ${currency} is posted to ${payee} in ${period} as ${kind} of component ${component} for ${line}${origin === period ? '' : `, and belongs to ${origin}`}${exchanged.map((one) => `; ${one.of} ${currency} of it are worth ${one.amount} ${one.currency} at the rate of the deal`).join('')}.`,
    ),
    ...earned.flatMap(({ line, amount, trace }) => [
      `${creditSentence(line, plan)}: basis ${line.basis} ${currency}, earns ${amount} ${currency}.`,
      ...(line.converted === undefined ? [] : [`  ${conversionSentence(line.converted, currency)}`]),
      ...traceSentences(trace, currency).map((sentence) => `  ${sentence}`),
    ]),
    ...(earned.length === 0 ? ['Nothing is credited for it any more, so its postings add up to zero.'] : []),
    ...(credit === undefined
      ? []
      : [
          `Credited by event ${credit.stream}@${credit.revision}, crediting number ${credit.number} of the deal${partnersClause(credit.partners)}.`,
        ]),
    ...(source === undefined ? [] : [sourceSentence(source.deal, source.line)]),
  ];
}

function creditSentence(
  { component, occurrence, at, window, planVersion, level, child, reverses }: CreditLine,
  plan: PublishedPlan | undefined,
): string {
  const version = plan?.versions.findLast(({ plan: one }) => one.version === planVersion);
  const title = version?.plan.componentById.get(component)?.title;
  const named = `Component ${component}${title === undefined || title === component ? '' : ` ("${title}")`}`;
  const inForce = version === undefined ? '' : ` in version ${version.number} from ${version.effectiveFrom}`;
  const above = child === undefined ? '' : `, level ${level} above ${child.payee} for ${child.component}`;
  const back = reverses === undefined ? '' : `, taking back ${reverses.occurrence}`;
  return `${named}${inForce}, ${occurrence} at ${at}${above}${back}, measured in ${window}`;
}

/** The day, or days, whose rate applies. */
const RATE_DAYS: Readonly<Record<Conversion['on'], string>> = {
  trigger: "the trigger's day",
  invoice: "the invoice's day",
  'period-average': 'the average of the period',
  'period-end': 'the end of the period',
};

function conversionSentence({ from, amount, rate, date, source, on }: Conversion, currency: string): string {
  return `converted from ${amount} ${from} at ${rate} ${currency} for one ${from}: rate of ${source} of ${date}, for ${RATE_DAYS[on]}`;
}

function traceSentences(trace: Trace, currency: string): readonly string[] {
  const sentences = rateSentences(trace, currency);
  const { limit } = trace;
  if (limit === undefined) return sentences;
  return [
    ...sentences,
    `limit per ${limit.per}: ${limit.cap} ${currency}, ${limit.before === '' ? 'an unknown part' : limit.before} of it used before; without the limit: ${limit.earned}`,
  ];
}

function rateSentences(trace: Trace, currency: string): readonly string[] {
  switch (trace.rate) {
    case 'percent':
    case 'spread':
      return [`${trace.basis} × ${trace.percent}${roundingClause(trace.unrounded, trace.rounding)}`];
    case 'matrix':
      return [
        `${trace.basis} × ${trace.percent} by rule ${(trace.rule ?? 0) + 1}${roundingClause(trace.unrounded, trace.rounding)}`,
      ];
    case 'recurring':
      return [
        `${trace.basis} × ${trace.percent} in month ${trace.month ?? 0} of service${roundingClause(trace.unrounded, trace.rounding)}`,
      ];
    case 'level':
      return [
        `${trace.basis} × ${trace.percent} for level ${trace.level}${roundingClause(trace.unrounded, trace.rounding)}`,
      ];
    case 'flat':
      return [
        `${trace.amount} ${currency} per ${trace.per}${trace.quantity === undefined ? '' : ` × ${trace.quantity}`}${trace.share === undefined ? '' : `, share ${trace.share}`}${roundingClause(trace.unrounded, trace.rounding)}`,
      ];
    case 'marginal':
    case 'retroactive':
    case 'lagged':
    case 'accelerator':
    case 'percent-measured':
      return [
        `measured before it: ${trace.before} ${currency}`,
        ...measurementSentences(trace, currency),
        ...trace.portions.map(
          ({ tier, amount, rate, earned }) =>
            `${tier === undefined ? 'below the threshold' : `tier ${tier + 1}`}: ${amount} × ${rate} = ${earned}`,
        ),
        ...(trace.unrounded === undefined ? [] : [`in total ${trace.unrounded}, rounded ${trace.rounding}`]),
      ];
    case 'stepped':
      return [
        `measured before it: ${trace.before} ${currency}`,
        ...measurementSentences(trace, currency),
        `${trace.basis} more: ${trace.pay} ${currency} for each full ${trace.every} that this completes`,
      ];
    case 'barred':
      return [barredSentence(trace.target), ...measurementSentences(trace, currency)];
    case 'return': {
      const band = trace.band === undefined ? '' : `, of which the return band takes back ${trace.band}`;
      const of = trace.policy === 'average' ? 'the measurement' : trace.occurrence;
      const how = trace.policy === 're-rate' ? '; the line is rated as if it had never been sold' : '';
      return [
        `${trace.returned} of ${trace.of} came back (after ${trace.returnedBefore} before), of the ${trace.earned} ${currency} that ${of} earned, rounded ${trace.rounding}${band}${how}`,
      ];
    }
    case 'reserve':
      return [`${trace.held} of ${trace.earned} ${currency} is held${roundingClause(trace.unrounded, trace.rounding)}`];
    case 'release':
      return [
        `of ${trace.held} ${currency} held: ${trace.done} of ${trace.of} is released (after ${trace.doneBefore} before), rounded ${trace.rounding}`,
      ];
    case 'deferred':
      return [
        `${trace.excess} ${currency} was deferred; with ${trace.earned} earned, the limit of ${trace.cap} leaves room for this`,
      ];
    case 'guarantee':
      return [
        `${trace.guaranteed} ${currency} is guaranteed (share of days ${trace.share}), and ${trace.earned} was earned`,
      ];
    case 'draw':
      return [`draw of ${trace.draw} ${currency}, ${trace.earned} earned, balance before: ${trace.balance}`];
    default:
      return trace satisfies never;
  }
}

function barredSentence(target: string): string {
  if (target === 'team') return 'measured for the team above, and not paid itself';
  if (target === 'quota') return 'nothing yet: the window has no quota';
  return `nothing yet: the target ${target} is not met`;
}

function measurementSentences(
  { total, quota, baseline, share }: { total?: string; quota?: string; baseline?: string; share?: string },
  currency: string,
): readonly string[] {
  return [
    ...(total === undefined ? [] : [`measured in total: ${total} ${currency}`]),
    ...(quota === undefined ? [] : [`quota: ${quota}`]),
    ...(baseline === undefined ? [] : [`same window last year: ${baseline} ${currency}`]),
    ...(share === undefined ? [] : [`share of the window's days under agreement: ${share}`]),
  ];
}

function roundingClause(unrounded: string | undefined, rounding: string): string {
  return unrounded === undefined ? '' : ` = ${unrounded}, rounded ${rounding}`;
}

function partnersClause(partners: readonly UsedPartner[]): string {
  const described = partners.flatMap(({ key, revision, asOf }) =>
    asOf
      .slice(0, 1)
      .map(
        ({ day, channel, tier, upline }) =>
          `${key} (${channel}${tier === null ? '' : `, ${tier}`}${upline === null ? '' : `, below ${upline}`}) on ${day}, revision ${revision ?? 'none'}`,
      ),
  );
  return described.length === 0 ? '' : `, with ${described.join('; ')}`;
}

function sourceSentence(
  { source, id, terms, bookedAt, returns, cancelledAt }: Deal,
  line: DealLine | undefined,
): string {
  const facts = [
    ...(bookedAt === undefined ? [] : [`booked at ${bookedAt}`]),
    ...returns.map(({ id: name, at }) => `return ${name} at ${at}`),
    ...(cancelledAt === undefined ? [] : [`cancelled at ${cancelledAt}`]),
  ];
  const what =
    line === undefined
      ? ''
      : `, line ${line.id}: ${[line.category, line.product].filter((text) => text !== undefined).join(' / ')} net ${line.net} ${terms?.currency ?? ''}${Object.entries(
          line.original ?? {},
        )
          .map(([field, text]) => ` (${field} ${text} in the source system)`)
          .join('')}`;
  return `Source: deal ${id} of ${source}${what}${facts.length === 0 ? '' : `; ${facts.join(', ')}`}.`;
}
