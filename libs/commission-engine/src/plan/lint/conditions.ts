/**
 * Findings about which lines a component pays: conditions that no line meets, and lines that two components pay for.
 */
import { allowedValuesOf, isImplied, tryExpressions } from './condition-values.js';
import type { Contradiction, TrialBudget } from './condition-values.js';
import { isCurved, money, percent, shareOf, units } from './pay.js';
import type { Report } from './codes.js';
import type {
  CompiledComponent,
  CompiledCondition,
  CompiledConditions,
  CompiledPlan,
  DirectCredit,
  OverrideCredit,
} from '../compiled.js';
import { valuesOf } from '../document.js';
import type { ConditionsDocument, CreditDocument, PlanDocument } from '../document.js';

export function lintConditions(document: PlanDocument, plan: CompiledPlan, sharing: LineSharing, report: Report): void {
  const unpayable = new Set<number>();
  plan.components.forEach(({ credit }, index) => {
    const written = document.components[index]?.credit;
    if (written === undefined) return;
    const path = `/components/${index}/credit`;
    if (lintValues(credit, written, path, sharing.trials, report)) unpayable.add(index);
    if (credit.kind === 'override' && 'rates' in written) lintSpread(credit.rates, path, report);
    if (credit.kind === 'override') lintChildren(plan, sharing, credit, path, report);
    if ('same' in written && written.during !== undefined)
      lintDuring(document, written.same, written.during, path, report);
  });
  plan.components.forEach((component, index) => {
    if (unpayable.has(index)) return;
    const earlier = plan.components.slice(0, index).filter((_, at) => !unpayable.has(at));
    const twice = earlier.filter((other) => !isStacked(other, component) && paysAgain(sharing, other, component));
    const [first, ...others] = twice;
    if (first === undefined) return;
    const more = others.length === 0 ? '' : `; also paid for by ${others.map(({ id }) => `"${id}"`).join(', ')}`;
    report(
      'LinePaidTwice',
      `/components/${index}/credit`,
      `${wordsOfTwice(first, component)}${exampleOf(plan, first, component)}${more}`,
    );
  });
}

// ── Conditions that never hold ─────────────────────────────────────────────────────────────────────────────────────

/** @returns whether no line can meet the conditions */
function lintValues(
  credit: CompiledConditions,
  written: CreditDocument,
  path: string,
  trials: TrialBudget,
  report: Report,
): boolean {
  const values = allowedValuesOf(credit);
  if ('contradiction' in values) {
    report(
      'ConditionsNeverHold',
      placeOf(values.contradiction, written, path),
      `${wordsOf(values.contradiction)}, so no line is paid`,
    );
    return true;
  }
  const { allowed } = values;
  if (credit.expressions.length > 0) {
    const { holds, fails, isComplete } = tryExpressions(credit.expressions, allowed, trials);
    const at = written.expr === undefined ? path : `${path}/expr`;
    if (isComplete && holds === undefined) {
      report('ConditionsNeverHold', at, '`expr` holds for no line that `where` allows, so no line is paid');
      return true;
    }
    if (isComplete && fails === undefined)
      report('TermUnused', at, '`expr` holds for every line that `where` allows; the pay is the same without it');
  }
  // An exception of values that `where` does not allow anyway.
  const whereOnly = allowedValuesOf({ where: credit.where, excepts: [] });
  if ('allowed' in whereOnly && written.except !== undefined)
    for (const [key, value] of Object.entries(written.except)) {
      const admitted = whereOnly.allowed.get(key);
      const excepted = valuesOf(value);
      if (admitted !== undefined && excepted.length > 0 && excepted.every((one) => !admitted.has(one)))
        report(
          'TermUnused',
          `${path}/except/${key}`,
          `\`where\` allows only ${key}: ${[...admitted].join(', ')}; excepting ${excepted.join(', ')} changes nothing`,
        );
    }
  return false;
}

function placeOf(contradiction: Contradiction, written: ConditionsDocument, path: string): string {
  const { kind } = contradiction;
  const key = kind === 'where' ? contradiction.key : contradiction.keys[0];
  const within = written[kind];
  if (within === undefined) return path;
  return key !== undefined && key in within ? `${path}/${kind}/${key}` : `${path}/${kind}`;
}

function wordsOf(contradiction: Contradiction): string {
  if (contradiction.kind === 'where') {
    const { key, left, right } = contradiction;
    return `\`where\` requires ${key} to be ${left.join(' or ')} and also to be ${right.join(' or ')}`;
  }
  const { keys, values } = contradiction;
  return `\`except\` excludes everything that \`where\` allows (${keys.join(', ')}: ${values.join(', ')})`;
}

// ── Rates that no partner gets ─────────────────────────────────────────────────────────────────────────────────────

/** A partner's rate in a spread is the first that fits, so a rate that an earlier one covers is never used. */
function lintSpread(
  rates: readonly { readonly where: readonly CompiledCondition[] }[],
  path: string,
  report: Report,
): void {
  rates.forEach(({ where }, index) => {
    const values = allowedValuesOf({ where, excepts: [] });
    if ('contradiction' in values) {
      report(
        'TierUnreachable',
        `${path}/rates/${index}`,
        `${wordsOf(values.contradiction)}, so this rate is never paid`,
      );
      return;
    }
    const before = rates.findIndex(
      (earlier, at) => at < index && earlier.where.every((condition) => isImplied(condition, where, values.allowed)),
    );
    if (before >= 0)
      report(
        'TierUnreachable',
        `${path}/rates/${index}`,
        `every partner that meets it also meets rates[${before}], which comes first, so this rate is never paid`,
      );
  });
}

/** Levels of the basis are paid per child, so a line that two children pay for counts twice. */
function lintChildren(
  plan: CompiledPlan,
  sharing: LineSharing,
  { override, of }: OverrideCredit,
  path: string,
  report: Report,
): void {
  if (of === 'earning') return;
  const children = [...override].map((id) => plan.componentById.get(id));
  children.forEach((child, index) => {
    const other = children
      .slice(0, index)
      .find((one) => one !== undefined && child !== undefined && isOfRole(one, child) && sharing.canShare(one, child));
    if (child === undefined || other === undefined) return;
    const line = money(plan, units(plan, 100n));
    report(
      'LinePaidTwice',
      `${path}/override/${index}`,
      `"${other.id}" and "${child.id}" can both pay for a line: the partners above earn on ${money(plan, units(plan, 200n))} for its ${line}`,
    );
  });
}

function isOfRole({ credit: left }: CompiledComponent, { credit: right }: CompiledComponent): boolean {
  return left.kind === 'direct' && right.kind === 'direct' && left.to === right.to;
}

function lintDuring(
  { components }: PlanDocument,
  same: string,
  [from, until]: readonly [string, string],
  path: string,
  report: Report,
): void {
  const other = components.find(({ id }) => id === same)?.credit;
  if (other === undefined || 'override' in other || other.during === undefined) return;
  const [first, last] = other.during;
  if (first <= from && until <= last) return;
  const day = from < first || from > last ? from : until;
  report(
    'DuringOutside',
    `${path}/during`,
    `during is ${from} to ${until}, but "${same}" counts only ${first} to ${last}: a line of ${day} is never paid`,
  );
}

// ── Lines that are paid twice ──────────────────────────────────────────────────────────────────────────────────────

/** Whether the second component pays a payee for a line that the first already pays for. */
function paysAgain(sharing: LineSharing, first: CompiledComponent, second: CompiledComponent): boolean {
  const [left, right] = [first.credit, second.credit];
  if (left.kind === 'direct' && right.kind === 'direct') return left.to === right.to && sharing.canShare(first, second);
  if (left.kind === 'override' && right.kind === 'override')
    return !left.override.isDisjointFrom(right.override) && !sharing.exclude(left, right);
  return false;
}

function wordsOfTwice(first: CompiledComponent, second: CompiledComponent): string {
  const [left, right] = [first.credit, second.credit];
  const both = `"${first.id}" and "${second.id}" both pay`;
  if (left.kind === 'direct' && right.kind === 'direct') {
    const [one, other] = [left.trigger, right.trigger];
    const when = one === other ? '' : `, once when ${one} and once when ${other}`;
    return `${both} the ${right.to} for a line${lineWords(first, second)}${when}`;
  }
  const overridden = (credit: CompiledComponent['credit']) =>
    credit.kind === 'override' ? credit.override : new Set<string>();
  const children = [...overridden(left).intersection(overridden(right))].map((id) => `"${id}"`);
  return `${both} the partners above for the lines of ${children.join(', ')}`;
}

function isStacked(first: CompiledComponent, second: CompiledComponent): boolean {
  return first.stacks.includes(second.id) || second.stacks.includes(first.id);
}

/** Which components can pay for the same line. */
export class LineSharing {
  private readonly known = new Map<string, boolean>();

  constructor(readonly trials: TrialBudget) {}

  /** Whether a line can meet the conditions of both; with expressions, whether such a line was found. */
  canShare(first: CompiledComponent, second: CompiledComponent): boolean {
    const [left, right] = [first.credit, second.credit];
    if (left.kind !== 'direct' || right.kind !== 'direct') return false;
    const key = [first.id, second.id].sort().join(' ');
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const outside = ({ during: own }: DirectCredit, { during: other }: DirectCredit) =>
      own !== undefined && other !== undefined && own[1] < other[0];
    // With different roles, conditions on the partner are about different partners.
    const can =
      !outside(left, right) &&
      !outside(right, left) &&
      !(left.to === right.to ? this.exclude(left, right) : this.exclude(ofLine(left), ofLine(right)));
    this.known.set(key, can);
    return can;
  }

  exclude(left: CompiledConditions, right: CompiledConditions): boolean {
    const values = allowedValuesOf({
      where: [...left.where, ...right.where],
      excepts: [...left.excepts, ...right.excepts],
    });
    if ('contradiction' in values) return true;
    const expressions = [...left.expressions, ...right.expressions];
    if (expressions.length === 0) return false;
    return tryExpressions(expressions, values.allowed, this.trials).holds === undefined;
  }
}

function ofLine({ where, excepts, expressions }: CompiledConditions): CompiledConditions {
  return {
    where: where.filter(({ subject }) => subject !== 'partner'),
    excepts: excepts.filter((group) => group.every(({ subject }) => subject !== 'partner')),
    expressions,
  };
}

/** ` (line.category hardware)`: the values that both allow; empty if they allow any. */
function lineWords({ credit: left }: CompiledComponent, { credit: right }: CompiledComponent): string {
  const values = allowedValuesOf({
    where: [...left.where, ...right.where],
    excepts: [...left.excepts, ...right.excepts],
  });
  if (!('allowed' in values) || values.allowed.size === 0) return '';
  const words = [...values.allowed].map(([key, values]) => `${key} ${[...values].slice(0, 3).join(' or ')}`);
  return ` (${words.join(', ')})`;
}

/** `: a line of 100.00 pays 4.00 and 5.00`, for rates that depend on the line alone. */
function exampleOf(plan: CompiledPlan, ...components: readonly CompiledComponent[]): string {
  const line = units(plan, 100n);
  const paid = components.map(({ rate, credit }) => {
    if (credit.kind === 'direct' && credit.basis === 'quantity') return undefined;
    if (rate.kind === 'percent') return money(plan, shareOf(plan, line, rate.rate));
    if (rate.kind === 'flat' && rate.per !== 'unit') return money(plan, shareOf(plan, units(plan, 1n), rate.amount));
    if (rate.kind === 'levels') {
      const [level] = rate.levels;
      return level === undefined || credit.kind !== 'override' || credit.of === 'earning'
        ? undefined
        : money(plan, shareOf(plan, line, level.rate));
    }
    if (isCurved(rate) && 'tiers' in rate) {
      const [tier] = rate.tiers;
      return tier === undefined
        ? undefined
        : `${money(plan, shareOf(plan, line, tier.rate))} (at ${percent(tier.rate)})`;
    }
    return undefined;
  });
  if (paid.every((one) => one === undefined)) return `, from the first ${money(plan, 1n)} on`;
  return `: a line of ${money(plan, line)} pays ${paid.map((one) => one ?? 'an amount by its own rate').join(' and ')}`;
}
