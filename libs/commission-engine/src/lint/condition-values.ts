/** Which lines a component's conditions can reach: whether any, and whether those of another one too. */
import { addRates, compareRates, formatRate, ONE } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { readsOf } from '../plan/expression.js';
import type { Expression, ExpressionSubject } from '../plan/expression.js';
import type { CompiledCondition, CompiledConditions } from '../plan/compiled.js';

export const CHANNELS = ['retail', 'e-commerce', 'wholesale', 'distributor', 'direct'] as const;

/** A line or partner has one of each of these; of the others it may have several at once. */
const OF_MANY: ReadonlySet<string> = new Set([
  'deal.registration',
  'partner.certification',
  'partner.registration-holder',
]);

/** `line.category`, as the document writes it. */
export function keyOf({ subject, name }: CompiledCondition): string {
  return name === 'registration-holder' ? 'deal.registration.holder' : `${subject}.${name}`;
}

/** Values that all conditions on one key leave, by key; keys of which a subject has one value only. */
export type Allowed = ReadonlyMap<string, ReadonlySet<string>>;

export type Contradiction =
  | {
      readonly kind: 'where';
      readonly key: string;
      readonly left: readonly string[];
      readonly right: readonly string[];
    }
  /** Everything that `where` lets in is excepted by this group, or by several on this key. */
  | { readonly kind: 'except'; readonly keys: readonly string[]; readonly values: readonly string[] };

/** What `where` leaves of each key, or why it leaves nothing. */
export function reachOf({
  where,
  excepts,
}: Pick<CompiledConditions, 'where' | 'excepts'>): { readonly allowed: Allowed } | { readonly never: Contradiction } {
  const allowed = new Map<string, ReadonlySet<string>>();
  for (const condition of where) {
    const key = `${condition.subject}.${condition.name}`;
    if (OF_MANY.has(key)) continue;
    const before = allowed.get(key);
    const now =
      before === undefined ? condition.anyOf : new Set([...before].filter((value) => condition.anyOf.has(value)));
    if (now.size === 0)
      return { never: { kind: 'where', key, left: [...(before ?? [])], right: [...condition.anyOf] } };
    allowed.set(key, now);
  }
  for (const group of excepts)
    if (group.every((condition) => isImplied(condition, where, allowed)))
      return { never: { kind: 'except', keys: group.map(keyOf), values: group.flatMap(({ anyOf }) => [...anyOf]) } };
  const barred = new Map<string, Set<string>>();
  for (const [condition, ...others] of excepts) {
    if (condition === undefined || others.length > 0) continue;
    const key = `${condition.subject}.${condition.name}`;
    if (OF_MANY.has(key)) continue;
    const values = barred.get(key) ?? new Set<string>();
    barred.set(key, values);
    for (const value of condition.anyOf) values.add(value);
  }
  for (const [key, values] of barred) {
    const before = allowed.get(key) ?? (key === 'partner.channel' ? new Set<string>(CHANNELS) : undefined);
    if (before === undefined) continue;
    const left = new Set([...before].filter((value) => !values.has(value)));
    if (left.size === 0) return { never: { kind: 'except', keys: [key], values: [...values] } };
    allowed.set(key, left);
  }
  return { allowed };
}

/** True where whatever meets `where` meets this condition too. */
export function isImplied(
  condition: CompiledCondition,
  where: readonly CompiledCondition[],
  allowed: Allowed,
): boolean {
  const { subject, name, anyOf, count = 1 } = condition;
  const key = `${subject}.${name}`;
  if (!OF_MANY.has(key)) {
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

export interface Tried {
  /** A line of which all expressions hold; undefined where none was found. */
  readonly holds: ExpressionSubject | undefined;
  /** A line of which one does not. */
  readonly fails: ExpressionSubject | undefined;
  /** True where the lines that were tried stand for all lines. */
  readonly isComplete: boolean;
}

/** Lines that one plan's expressions are tried on at the most: a long expression takes half a millisecond for each. */
export const TRIALS_MAX = 1000;

/** How many may still be tried. */
export interface Trials {
  left: number;
}

/**
 * Tries the expressions on lines at and between the literals that they name, within what `where` leaves. A comparison with a
 * literal only turns at it, so that where nothing else is asked, these stand for all lines.
 */
export function tryExpressions(expressions: readonly Expression[], allowed: Allowed, budget: Trials): Tried {
  const reads = expressions.map(({ text }) => readsOf(text));
  const paths = [...new Set(reads.flatMap((one) => one.paths))].sort();
  const texts = [...new Set(reads.flatMap((one) => one.texts))].sort();
  const amounts = placesAround(reads.flatMap((one) => one.amounts));
  const values = new Map<string, readonly (string | Readonly<Record<string, string>>)[]>();
  let isComplete = reads.every(({ isPlain }) => isPlain);
  let trials = 1;
  for (const path of paths) {
    const candidates = candidatesOf(path, texts, amounts, allowed);
    if (path === 'deal.attributes' || path === 'partner.certifications') isComplete = false;
    trials = Math.min(trials * candidates.length, budget.left + 1);
    values.set(path, candidates);
  }
  if (trials > budget.left) isComplete = false;
  let holds: ExpressionSubject | undefined;
  let fails: ExpressionSubject | undefined;
  for (let trial = 0; trial < trials && budget.left > 0 && (holds === undefined || fails === undefined); trial++) {
    budget.left--;
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
      // It fails on such a line (a division by zero, say); that proves nothing.
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
  allowed: Allowed,
): readonly (string | Readonly<Record<string, string>>)[] {
  if (AMOUNTS.has(path)) return amounts;
  if (path === 'deal.attributes') return [{}, ...texts.flatMap((name) => texts.map((value) => ({ [name]: value })))];
  if (path === 'partner.certifications') return [{}];
  const values = allowed.get(path);
  if (values !== undefined) return [...values];
  if (path === 'partner.channel') return CHANNELS;
  return [...texts, '', `${texts.join('')}~`];
}

/** Amounts below, at, between and above those given, as decimal text. */
function placesAround(amounts: readonly Rate[]): readonly string[] {
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
  // Above first: an example of a usual size is told where one will do.
  const places = [addRates(last, ONE), ...between, addRates(first, minusOne), { numerator: 0n, denominator: 1n }];
  return [...new Set(places.map((place) => formatRate(place)).filter((text) => !text.includes('/')))];
}
