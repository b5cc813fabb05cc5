/** Compiles a plan document for the calculation. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { parseMinor } from '@tantieme/money/amount';
import { decimalsOf } from '@tantieme/money/currency';
import { formatRate, parseDecimal, parseRate } from '@tantieme/money/decimal';
import { calendarKey } from '@tantieme/time/calendar/key';
import type {
  CompiledComponent,
  CompiledCondition,
  CompiledConditions,
  CompiledHold,
  CompiledLimit,
  CompiledMeasure,
  CompiledPlan,
  CompiledRate,
  CompiledTier,
  DirectCredit,
  MatrixAttribute,
  OverrideCredit,
  RateText,
} from './compiled.js';
import { EngineError } from '../engine-error.js';
import { compileExpression } from './expression.js';
import type {
  ComponentDocument,
  Conditions,
  ConditionsDocument,
  HoldDocument,
  LimitDocument,
  MeasureDocument,
  PlanDocument,
  RateDocument,
  TierDocument,
} from './document.js';
import { directCreditOf, planProblems } from './problems.js';

/**
 * @param version names the document among all versions of all plans
 * @throws {EngineError} `PlanInvalid`, for a document with errors
 */
export function compilePlan(document: PlanDocument, version: string): CompiledPlan {
  const problem = planProblems(document).find(({ severity }) => severity === 'error');
  if (problem !== undefined) throw new EngineError('PlanInvalid', `${problem.path}: ${problem.message}`);
  const decimals = decimalsOf(document.currency);
  const byId = new Map(document.components.map((component) => [component.id, component]));
  const components = document.components.map((component) => compileComponent(component, byId, decimals));
  const { guarantee, draw, ends, exchange } = document;
  return {
    version,
    id: document.plan,
    title: document.title,
    pays: document.pays ?? 'commission',
    currency: document.currency,
    decimals,
    calendar: document.calendar,
    calendarKey: calendarKey(document.calendar),
    rounding: document.rounding ?? 'half-up',
    exchange: { on: exchange?.on ?? 'trigger', maxAgeDays: daysOf(exchange?.maxAge ?? '7 days') },
    minimumMinor: parseMinor(document.settle?.minimum ?? '0', decimals),
    payoutTerms: omitUndefined({ as: document.settle?.as, tax: document.settle?.tax }),
    guarantee:
      guarantee === undefined
        ? undefined
        : {
            minor: parseMinor(guarantee.amount, decimals),
            over: guarantee.over,
            of: guarantee.of === undefined ? undefined : new Set(guarantee.of),
          },
    draw:
      draw === undefined
        ? undefined
        : {
            minor: parseMinor(draw.amount, decimals),
            recoverable: draw.recoverable === 'true',
            from: draw.from,
            until: draw.until,
            recoverFrom: draw.recoverFrom,
          },
    ends: {
      held: ends?.held ?? 'pay-when-paid',
      deferred: ends?.deferred ?? 'lapse',
      draw: ends?.draw ?? 'claim',
      negative: ends?.negative ?? 'claim',
      tailDays: daysOf(ends?.tail ?? '0 days'),
    },
    components,
    componentById: new Map(components.map((component) => [component.id, component])),
  };
}

function compileComponent(
  component: ComponentDocument,
  byId: ReadonlyMap<string, ComponentDocument>,
  decimals: number,
): CompiledComponent {
  const { id, gate, limit, returns, hold } = component;
  return {
    id,
    title: component.title ?? id,
    stacks: component.stacks ?? [],
    credit: compileCredit(component, byId),
    measure: compileMeasure(component.measure, decimals),
    gate:
      gate === undefined
        ? undefined
        : {
            of: gate.target !== undefined ? 'target' : gate.attainment !== undefined ? 'attainment' : 'growth',
            target:
              gate.target === undefined
                ? parseRate(gate.attainment ?? gate.growth ?? '0')
                : { numerator: parseMinor(gate.target, decimals), denominator: 1n },
            targetText: gate.target ?? gate.attainment ?? gate.growth ?? '0',
            from: gate.from,
          },
    rate: compileRate(component, decimals),
    limit: limit === undefined ? undefined : compileLimit(limit, decimals),
    budgetMinor: component.budget === undefined ? undefined : parseMinor(component.budget, decimals),
    returns: {
      policy: returns?.policy ?? 'line',
      window: returns?.window ?? 'original',
      bands:
        returns?.bands === undefined
          ? undefined
          : {
              unit: returns.bands.some(({ within }) => within?.includes('instalment')) ? 'instalments' : 'days',
              list: returns.bands.map(({ within, take }) => ({
                within: within === undefined ? undefined : Number.parseInt(within, 10),
                ...rateText(take),
              })),
            },
    },
    hold: typeof hold === 'object' ? compileHold(hold) : hold,
  };
}

function compileCredit(
  { id, credit }: ComponentDocument,
  byId: ReadonlyMap<string, ComponentDocument>,
): DirectCredit | OverrideCredit {
  if ('override' in credit)
    return {
      kind: 'override',
      override: new Set(credit.override),
      of: credit.of,
      rates:
        credit.of === 'spread'
          ? credit.rates.map(({ where, pay }) => ({ where: compileConditions(where), rate: parseRate(pay) }))
          : [],
      ...conditionsOf([credit]),
    };
  const direct = directCreditOf({ credit }, byId);
  if (direct === undefined) throw new EngineError('PlanInvalid', `the component "${id}" has no trigger`);
  return {
    kind: 'direct',
    trigger: direct.trigger,
    to: direct.to ?? 'seller',
    basis: direct.basis ?? 'net',
    remainder: direct.remainder ?? 'largest',
    during: narrowed(direct.during, credit.during),
    ...conditionsOf(direct === credit ? [direct] : [direct, credit]),
  };
}

/** The days that both ranges share: the credit of another component is narrowed, never widened. */
function narrowed(first: DirectCredit['during'], second: DirectCredit['during']): DirectCredit['during'] {
  if (first === undefined || second === undefined) return first ?? second;
  const [from, until] = [first, second].reduce(([a, b], [c, d]) => [a > c ? a : c, b < d ? b : d]);
  return [from, until];
}

function conditionsOf(documents: readonly ConditionsDocument[]): CompiledConditions {
  return {
    where: documents.flatMap(({ where }) => compileConditions(where)),
    excepts: documents.flatMap(({ except }) => (except === undefined ? [] : [compileConditions(except)])),
    expressions: documents.flatMap(({ expr }) => (expr === undefined ? [] : [compileExpression(expr)])),
  };
}

function compileConditions(conditions: Conditions = {}): readonly CompiledCondition[] {
  return Object.entries(conditions).map(([key, value]) => {
    const [subject, ...name] = key.split('.');
    if (subject !== 'deal' && subject !== 'line' && subject !== 'partner')
      throw new EngineError('PlanInvalid', `"${key}" is not a condition; it must begin with deal., line. or partner.`);
    // Whether the payee holds the registration is looked up like a property of the partner.
    if (key === 'deal.registration.holder')
      return { subject: 'partner', name: 'registration-holder', anyOf: new Set<string>() };
    const common = { subject, name: name.join('.') } as const;
    if (typeof value === 'string') return { ...common, anyOf: new Set([value]), ...certified(key) };
    if ('has' in value) return { ...common, anyOf: new Set([value.has]), count: Number(value.count ?? '1') };
    return { ...common, anyOf: new Set(value) };
  });
}

function certified(key: string): { readonly count?: number } {
  return key === 'partner.certification' ? { count: 1 } : {};
}

function compileMeasure(measure: MeasureDocument | undefined, decimals: number): CompiledMeasure {
  const over = measure?.over ?? 'period';
  const { above, quota } = measure ?? {};
  return {
    over: typeof over === 'object' ? { rollingMonths: Number(over.rollingMonths) } : over,
    team: measure?.of === 'team',
    above:
      above === undefined
        ? undefined
        : 'fixed' in above
          ? { fixedMinor: parseMinor(above.fixed, decimals) }
          : 'last-year',
    quota: quota === undefined || quota === 'fact' ? quota : { fixedMinor: parseMinor(quota, decimals) },
    prorate: measure?.prorate !== undefined,
  };
}

function compileLimit(limit: LimitDocument, decimals: number): CompiledLimit {
  const { perDeal, perPeriod, perQuarter, perYear, excess, headroom = 'returned' } = limit;
  const [per, amount] =
    perDeal !== undefined
      ? (['deal', perDeal] as const)
      : perPeriod !== undefined
        ? (['period', perPeriod] as const)
        : perQuarter !== undefined
          ? (['quarter', perQuarter] as const)
          : (['year', perYear ?? '0'] as const);
  return { per, minor: parseMinor(amount, decimals), excess, headroom };
}

function compileHold({ for: time, after, part = '1', schedule }: HoldDocument): CompiledHold {
  const parts = (schedule ?? []).map(({ share, after: days }) => ({ days: daysOf(days), ...rateText(share) }));
  if (schedule !== undefined) return { ...rateText(part), release: { kind: 'schedule', parts } };
  const days = daysOf(time ?? '0 days');
  return {
    ...rateText(part),
    release: after === 'trigger' ? { kind: 'schedule', parts: [{ days, ...rateText('1') }] } : { kind: 'paid', days },
  };
}

function daysOf(text: string): number {
  return Number.parseInt(text, 10);
}

function rateText(text: string): RateText {
  const rate = parseRate(text);
  return { rate, rateText: formatRate(rate) };
}

function compileTiers(tiers: readonly TierDocument[], decimals: number): readonly CompiledTier[] {
  return tiers.map(({ below, upTo, pay }) => {
    const end = below ?? upTo;
    return {
      untilMinor: end === undefined ? undefined : parseMinor(end, decimals),
      inclusive: upTo !== undefined,
      ...rateText(pay),
    };
  });
}

function compileRate({ id, credit, rate, recurring }: ComponentDocument, decimals: number): CompiledRate {
  if ('override' in credit)
    return credit.of === 'spread' ? { kind: 'spread' } : { kind: 'levels', levels: credit.levels.map(rateText) };
  if (recurring !== undefined)
    return {
      kind: 'recurring',
      tiers: recurring.rate.map(({ upTo, pay }) => ({
        untilMonth: upTo === undefined ? undefined : Number(upTo),
        ...rateText(pay),
      })),
    };
  if (rate === undefined) throw new EngineError('PlanInvalid', `the component "${id}" has no rate`);
  if ('percent' in rate) return { kind: 'percent', ...rateText(rate.percent) };
  if ('flat' in rate) return { kind: 'flat', per: rate.per, amount: parseDecimal(rate.flat), amountText: rate.flat };
  if ('marginal' in rate) return { kind: 'marginal', tiers: compileTiers(rate.marginal, decimals) };
  if ('retroactive' in rate) return { kind: 'retroactive', tiers: compileTiers(rate.retroactive, decimals) };
  if ('lagged' in rate)
    return { kind: 'lagged', tiers: compileTiers(rate.lagged, decimals), frozen: rate.as !== 'live' };
  if ('interpolated' in rate) return { kind: 'marginal', tiers: interpolatedTiers(rate, decimals) };
  if ('stepped' in rate)
    return {
      kind: 'stepped',
      everyMinor: parseMinor(rate.stepped.every, decimals),
      payMinor: parseMinor(rate.stepped.pay, decimals),
    };
  if ('accelerator' in rate)
    return {
      kind: 'accelerator',
      base: parseRate(rate.accelerator.base),
      bands: rate.accelerator.bands.map(({ upTo, times }) => ({
        until: upTo === undefined ? undefined : parseRate(upTo),
        ...rateText(times),
      })),
    };
  return {
    kind: 'matrix',
    by: rate.matrix.by.filter(isMatrixAttribute),
    rules: rate.matrix.rules.map((rule) => ({
      values: rate.matrix.by.map((name) => rule[name]),
      ...rateText(rule.pay),
    })),
  };
}

/**
 * A tier that is earned in proportion is a marginal rate, its amount by its length. Above the last tier nothing is
 * earned.
 */
function interpolatedTiers(
  rate: Extract<RateDocument, { readonly interpolated: unknown }>,
  decimals: number,
): readonly CompiledTier[] {
  let before = 0n;
  const tiers = rate.interpolated.map(({ upTo, earn }): CompiledTier => {
    const untilMinor = parseMinor(upTo, decimals);
    const slope = { numerator: parseMinor(earn, decimals), denominator: untilMinor - before };
    before = untilMinor;
    return { untilMinor, inclusive: true, rate: slope, rateText: formatRate(slope) };
  });
  return [...tiers, { untilMinor: undefined, inclusive: false, ...rateText('0') }];
}

const MATRIX_ATTRIBUTES: readonly MatrixAttribute[] = ['variant', 'product', 'family', 'category'];

function isMatrixAttribute(name: string): name is MatrixAttribute {
  return MATRIX_ATTRIBUTES.some((one) => one === name);
}
