/** How a ledger line came about, in sentences: from the posting over the rate's portions to the source line of the deal. */
import type { Conversion, CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import type { Trace } from '@tantieme/commission-engine/rate/trace';
import type { Deal, DealLine } from '@tantieme/contracts/deal';
import type { UsedPartner } from '../credit/credit.js';
import { partnerKey } from '../reference/reference.js';
import type { PostedLine } from './posting.js';
import type { KnownPlan } from '../plan/plan-catalog.service.js';

export interface ExplainedLine {
  readonly line: CreditLine;
  readonly amount: string;
  readonly trace: Trace;
}

export interface Explanation {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  /** What is posted under this component, deal and line. */
  readonly posted: readonly PostedLine[];
  /** What it should come to: the credited lines with what they earn, and how. */
  readonly earned: readonly ExplainedLine[];
  /** The crediting that says so: event and partners as they were looked up. */
  readonly credit?: {
    readonly stream: string;
    readonly revision: number;
    readonly number: number;
    readonly partners: readonly UsedPartner[];
  };
  /** Where it comes from. */
  readonly source?: { readonly deal: Deal; readonly line?: DealLine };
  readonly text: readonly string[];
}

/** What a partner may read of an explanation: their own facts as they were looked up, and the deal without its costs and other partners. */
export function forPartner(explanation: Omit<Explanation, 'text'>): Omit<Explanation, 'text'> {
  const { credit, source, payee, ...rest } = explanation;
  const line = source?.line === undefined ? undefined : withoutCost(source.line);
  return {
    ...rest,
    payee,
    ...(credit === undefined
      ? {}
      : { credit: { ...credit, partners: credit.partners.filter(({ key }) => key === partnerKey(payee)) } }),
    ...(source === undefined
      ? {}
      : {
          source: {
            deal: withoutPartners(source.deal, payee),
            ...(line === undefined ? {} : { line }),
          },
        }),
  };
}

function withoutCost({ cost: _, original: __, ...line }: DealLine): DealLine {
  return line;
}

function withoutPartners(deal: Deal, payee: string): Deal {
  const { terms, invoices, registrations, changes, ...others } = deal;
  const own = registrations?.filter(({ holder }) => holder === payee);
  const rest = {
    ...others,
    ...(own === undefined ? {} : { registrations: own }),
    ...(changes === undefined
      ? {}
      : { changes: changes.map(({ lines, ...change }) => ({ ...change, lines: lines.map(withoutCost) })) }),
  };
  const lined = invoices.map(({ lines, ...invoice }) =>
    lines === undefined ? invoice : { ...invoice, lines: lines.map(withoutCost) },
  );
  if (terms === undefined) return { ...rest, invoices: lined };
  const { customer: _, attributes: __, partners, lines, ...kept } = terms;
  return {
    ...rest,
    invoices: lined,
    terms: {
      ...kept,
      lines: lines.map(withoutCost),
      partners: partners.filter(({ partner }) => partner === payee),
    },
  };
}

export function explanationText(
  explanation: Omit<Explanation, 'text'>,
  plan: KnownPlan | undefined,
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
    ...(earned.length === 0 ? ['Nothing is credited for it any more: what is posted nets out.'] : []),
    ...(credit === undefined
      ? []
      : [
          `Credited by event ${credit.stream}@${credit.revision}, crediting number ${credit.number} of the deal${partnersClause(credit.partners)}.`,
        ]),
    ...(source === undefined ? [] : [sourceSentence(source.deal, source.line)]),
  ];
}

function creditSentence(
  { component, occurrence, at, window, planHash, level, child, reverses }: CreditLine,
  plan: KnownPlan | undefined,
): string {
  const version = plan?.versions.findLast(({ plan: one }) => one.hash === planHash);
  const title = version?.plan.componentById.get(component)?.title;
  const named = `Component ${component}${title === undefined || title === component ? '' : ` ("${title}")`}`;
  const inForce = version === undefined ? '' : ` in version ${version.number} from ${version.effectiveFrom}`;
  const above = child === undefined ? '' : `, level ${level} above ${child.payee} for ${child.component}`;
  const back = reverses === undefined ? '' : `, taking back ${reverses.occurrence}`;
  return `${named}${inForce}, ${occurrence} at ${at}${above}${back}, measured in ${window}`;
}

/** Which day, or days, a rate was asked for. */
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
    `limit per ${limit.per}: ${limit.cap} ${currency}, of which ${limit.before === '' ? 'an unknown part' : limit.before} was used before; it would have earned ${limit.earned}`,
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
        ...surroundingsSentences(trace, currency),
        ...trace.portions.map(
          ({ tier, amount, rate, earned }) =>
            `${tier === undefined ? 'below what counts' : `tier ${tier + 1}`}: ${amount} × ${rate} = ${earned}`,
        ),
        ...(trace.unrounded === undefined ? [] : [`together ${trace.unrounded}, rounded ${trace.rounding}`]),
      ];
    case 'stepped':
      return [
        `measured before it: ${trace.before} ${currency}`,
        ...surroundingsSentences(trace, currency),
        `${trace.basis} more: ${trace.pay} ${currency} for each full ${trace.every} that this completes`,
      ];
    case 'barred':
      return [barredSentence(trace.target), ...surroundingsSentences(trace, currency)];
    case 'return': {
      const band = trace.band === undefined ? '' : `, of which the band takes ${trace.band}`;
      const of = trace.policy === 'average' ? 'the measurement' : trace.occurrence;
      const how = trace.policy === 're-rate' ? '; it is rated as if it was never sold' : '';
      return [
        `${trace.returned} of ${trace.of} came back (after ${trace.returnedBefore} before), of what ${of} earned: ${trace.earned} ${currency}, rounded ${trace.rounding}${band}${how}`,
      ];
    }
    case 'reserve':
      return [`${trace.held} of ${trace.earned} ${currency} is held${roundingClause(trace.unrounded, trace.rounding)}`];
    case 'release':
      return [
        `of ${trace.held} ${currency} held: ${trace.done} of ${trace.of} is released, after ${trace.doneBefore} before, rounded ${trace.rounding}`,
      ];
    case 'deferred':
      return [
        `${trace.excess} ${currency} was deferred; beside ${trace.earned} earned, the limit of ${trace.cap} leaves room for this`,
      ];
    case 'guarantee':
      return [
        `${trace.guaranteed} ${currency} is guaranteed (share of days ${trace.share}), ${trace.earned} was earned`,
      ];
    case 'draw':
      return [`draw of ${trace.draw} ${currency} beside ${trace.earned} earned, balance before: ${trace.balance}`];
    default:
      return trace satisfies never;
  }
}

function barredSentence(target: string): string {
  if (target === 'team') return 'measured for the team above, which is not paid for it';
  if (target === 'quota') return 'nothing yet: no quota is known for the window';
  return `nothing yet: the target ${target} is not met`;
}

function surroundingsSentences(
  { total, quota, baseline, share }: { total?: string; quota?: string; baseline?: string; share?: string },
  currency: string,
): readonly string[] {
  return [
    ...(total === undefined ? [] : [`measured in all: ${total} ${currency}`]),
    ...(quota === undefined ? [] : [`quota: ${quota}`]),
    ...(baseline === undefined ? [] : [`same window of last year: ${baseline} ${currency}`]),
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
          `${key} (${channel}${tier === null ? '' : `, ${tier}`}${upline === null ? '' : `, below ${upline}`}) on ${day}, fact ${revision ?? 'none'}`,
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
          .map(([field, text]) => ` (${field} ${text} at its source)`)
          .join('')}`;
  return `Source: deal ${id} of ${source}${what}${facts.length === 0 ? '' : `; ${facts.join(', ')}`}.`;
}
