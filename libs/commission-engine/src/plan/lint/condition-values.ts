/** Which values a component's conditions allow, and whether any line can meet them. */
import { addRates, compareRates, formatRate, ONE } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { readsOf } from '../expression.js';
import type { Expression, ExpressionSubject } from '../expression.js';
import type { CompiledCondition, CompiledConditions } from '../compiled.js';
import { CHANNELS } from '../document.js';

/** Keys that can have several values at once; a line or partner has one value for any other key. */
const MULTI_VALUED: ReadonlySet<string> = new Set([
  'deal.registration',
  'partner.certification',
  'partner.registration-holder',
]);

/** The key as in the document: `line.category`. */
export function keyOf({ subject, name }: CompiledCondition): string {
  return name === 'registration-holder' ? 'deal.registration.holder' : `${subject}.${name}`;
}

/** The values that meet all conditions on a key, by key; only keys with a single value per line or partner. */
export type AllowedValues = ReadonlyMap<string, ReadonlySet<string>>;

export type Contradiction =
  | {
      readonly kind: 'where';
      readonly key: string;
      readonly left: readonly string[];
      readonly right: readonly string[];
    }
  /** Everything that `where` allows is excepted by this group, or by several groups on this key. */
  | { readonly kind: 'except'; readonly keys: readonly string[]; readonly values: readonly string[] };

/** The values that conditions allow, or why they allow no line at all. */
export function allowedValuesOf({
  where,
  excepts,
}: Pick<CompiledConditions, 'where' | 'excepts'>):
  { readonly allowed: AllowedValues } | { readonly contradiction: Contradiction } {
  const allowed = new Map<string, ReadonlySet<string>>();
  for (const condition of where) {
    const key = `${condition.subject}.${condition.name}`;
    if (MULTI_VALUED.has(key)) continue;
    const before = allowed.get(key);
    const now =
      before === undefined ? condition.anyOf : new Set([...before].filter((value) => condition.anyOf.has(value)));
    if (now.size === 0)
      return { contradiction: { kind: 'where', key, left: [...(before ?? [])], right: [...condition.anyOf] } };
    allowed.set(key, now);
  }
  for (const group of excepts)
    if (group.every((condition) => isImplied(condition, where, allowed)))
      return {
        contradiction: { kind: 'except', keys: group.map(keyOf), values: group.flatMap(({ anyOf }) => [...anyOf]) },
      };
  const excepted = new Map<string, Set<string>>();
  for (const [condition, ...others] of excepts) {
    if (condition === undefined || others.length > 0) continue;
    const key = `${condition.subject}.${condition.name}`;
    if (MULTI_VALUED.has(key)) continue;
    const values = excepted.get(key) ?? new Set<string>();
    excepted.set(key, values);
    for (const value of condition.anyOf) values.add(value);
  }
  for (const [key, values] of excepted) {
    const before = allowed.get(key) ?? (key === 'partner.channel' ? new Set<string>(CHANNELS) : undefined);
    if (before === undefined) continue;
    const left = new Set([...before].filter((value) => !values.has(value)));
    if (left.size === 0) return { contradiction: { kind: 'except', keys: [key], values: [...values] } };
    allowed.set(key, left);
  }
  return { allowed };
}

/** Whether everything that meets `where` also meets this condition. */
export function isImplied(
  condition: CompiledCondition,
  where: readonly CompiledCondition[],
  allowed: AllowedValues,
): boolean {
  const { subject, name, anyOf, count = 1 } = condition;
  const key = `${subject}.${name}`;
  if (!MULTI_VALUED.has(key)) {
    const values = allowed.get(key) ?? (key === 'partner.channel' ? new Set<string>(CHANNELS) : undefined);
    return values !== undefined && [...values].every((value) => anyOf.has(value));
  }
  return where.some(
    (other) =>
      other.subject === subject &&
      other.name === name &&
      (other.count ?? 1) >= count &&
      (name === 'registration-holder' || [...other.anyOf].every((value) => anyOf.has(value))),
  );
}

export interface TrialResult {
  /** A line for which all expressions hold; undefined if none was found. */
  readonly holds: ExpressionSubject | undefined;
  /** A line for which one of them does not hold; undefined if none was found. */
  readonly fails: ExpressionSubject | undefined;
  /** Whether the lines that were tried represent all lines. */
  readonly isComplete: boolean;
}

/** How many lines a plan's expressions are tried on. A long expression takes half a millisecond per line. */
export const TRIALS_MAX = 1000;

/** The trials that are left for a plan. */
export interface TrialBudget {
  remaining: number;
}

/**
 * Tries expressions on lines at and between their literals, within the allowed values. The result of a comparison with
 * a literal changes only at that literal, so for plain comparisons these lines represent all lines.
 */
export function tryExpressions(
  expressions: readonly Expression[],
  allowed: AllowedValues,
  budget: TrialBudget,
): TrialResult {
  const reads = expressions.map(({ text }) => readsOf(text));
  const paths = [...new Set(reads.flatMap((one) => one.paths))].sort();
  const texts = [...new Set(reads.flatMap((one) => one.texts))].sort();
  const amounts = amountsAround(reads.flatMap((one) => one.amounts));
  const values = new Map<string, readonly (string | Readonly<Record<string, string>>)[]>();
  let isComplete = reads.every(({ isPlain }) => isPlain);
  let trials = 1;
  for (const path of paths) {
    const candidates = candidatesOf(path, texts, amounts, allowed);
    if (path === 'deal.attributes' || path === 'partner.certifications') isComplete = false;
    trials = Math.min(trials * candidates.length, budget.remaining + 1);
    values.set(path, candidates);
  }
  if (trials > budget.remaining) isComplete = false;
  let holds: ExpressionSubject | undefined;
  let fails: ExpressionSubject | undefined;
  for (let trial = 0; trial < trials && budget.remaining > 0 && (holds === undefined || fails === undefined); trial++) {
    budget.remaining--;
    let rest = trial;
    const subject: Record<string, Record<string, unknown>> = {
      deal: { source: 'a', id: '1', currency: 'EUR' },
      line: {},
      partner: { id: 'a', channel: 'retail', country: 'FR', tier: null, upline: null },
    };
    for (const [path, candidates] of values) {
      const [of = '', name = ''] = path.split('.');
      const owner = subject[of];
      if (owner !== undefined) owner[name] = candidates[rest % candidates.length];
      rest = Math.floor(rest / candidates.length);
    }
    const tried = subject as unknown as ExpressionSubject;
    try {
      if (expressions.every((expression) => expression.holds(tried))) holds ??= tried;
      else fails ??= tried;
    } catch {
      // The expression cannot be evaluated for this line (a division by zero, say), which proves nothing.
      isComplete = false;
    }
  }
  return { holds, fails, isComplete };
}

const AMOUNTS: ReadonlySet<string> = new Set(['line.net', 'line.gross', 'line.cost', 'line.quantity']);

function candidatesOf(
  path: string,
  texts: readonly string[],
  amounts: readonly string[],
  allowed: AllowedValues,
): readonly (string | Readonly<Record<string, string>>)[] {
  if (AMOUNTS.has(path)) return amounts;
  if (path === 'deal.attributes') return [{}, ...texts.flatMap((name) => texts.map((value) => ({ [name]: value })))];
  if (path === 'partner.certifications') return [{}];
  const values = allowed.get(path);
  if (values !== undefined) return [...values];
  if (path === 'partner.channel') return CHANNELS;
  return [...texts, '', `${texts.join('')}~`];
}

/** Amounts below, at, between and above the given ones, as decimal text. */
function amountsAround(amounts: readonly Rate[]): readonly string[] {
  const ascending = [...amounts].sort(compareRates);
  const first = ascending[0];
  const last = ascending.at(-1);
  if (first === undefined || last === undefined) return ['100'];
  const minusOne = { numerator: -1n, denominator: 1n };
  const between = ascending.flatMap((amount, index) => {
    const next = ascending[index + 1];
    if (next === undefined) return [amount];
    const { numerator, denominator } = addRates(amount, next);
    return [amount, { numerator, denominator: denominator * 2n }];
  });
  // The largest first, so that an example has a realistic size.
  const candidates = [addRates(last, ONE), ...between, addRates(first, minusOne), { numerator: 0n, denominator: 1n }];
  return [...new Set(candidates.map((amount) => formatRate(amount)).filter((text) => !text.includes('/')))];
}
