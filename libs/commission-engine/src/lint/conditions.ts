/** Findings about which lines a component pays: conditions that no line meets, and lines that two components pay. */
import { isImplied, reachOf, tryExpressions } from './condition-values.js';
import type { Contradiction, Trials } from './condition-values.js';
import { isCurved, money, percent, shareOf, units } from './pay.js';
import type { Report } from './codes.js';
import type {
  CompiledComponent,
  CompiledCondition,
  CompiledConditions,
  CompiledPlan,
  DirectCredit,
  OverrideCredit,
} from '../plan/compiled.js';
import type { ConditionsDocument, CreditDocument, PlanDocument } from '../plan/document.js';

export function lintConditions(document: PlanDocument, plan: CompiledPlan, sharing: LineSharing, say: Report): void {
  const dead = new Set<number>();
  plan.components.forEach(({ credit }, index) => {
    const said = document.components[index]?.credit;
    if (said === undefined) return;
    const path = `/components/${index}/credit`;
    if (lintReach(credit, said, path, sharing.trials, say)) dead.add(index);
    if (credit.kind === 'override' && 'rates' in said) lintSpread(credit.rates, path, say);
    if (credit.kind === 'override') lintChildren(plan, sharing, credit, path, say);
    if ('same' in said && said.during !== undefined) lintDuring(document, said.same, said.during, path, say);
  });
  plan.components.forEach((component, index) => {
    if (dead.has(index)) return;
    const earlier = plan.components.slice(0, index).filter((_, at) => !dead.has(at));
    const twice = earlier.filter((other) => !isStacked(other, component) && paysAgain(sharing, other, component));
    const [first, ...others] = twice;
    if (first === undefined) return;
    const more = others.length === 0 ? '' : `; the same goes for ${others.map(({ id }) => `"${id}"`).join(', ')}`;
    say(
      'LinePaidTwice',
      `/components/${index}/credit`,
      `${wordsOfTwice(first, component)}${exampleOf(plan, first, component)}${more}`,
    );
  });
}

// ── Conditions that never hold ──────────────────────────────────────────────────────────────────────────────────────

/** @returns true where no line can meet the conditions */
function lintReach(
  credit: CompiledConditions,
  said: CreditDocument,
  path: string,
  trials: Trials,
  say: Report,
): boolean {
  const reach = reachOf(credit);
  if ('never' in reach) {
    say('ConditionsNeverHold', placeOf(reach.never, said, path), `${wordsOf(reach.never)}: of any line, 0.00 is paid`);
    return true;
  }
  const { allowed } = reach;
  if (credit.expressions.length > 0) {
    const { holds, fails, isComplete } = tryExpressions(credit.expressions, allowed, trials);
    const at = said.expr === undefined ? path : `${path}/expr`;
    if (isComplete && holds === undefined) {
      say(
        'ConditionsNeverHold',
        at,
        'the expression holds for no line that `where` lets in: of any line, 0.00 is paid',
      );
      return true;
    }
    if (isComplete && fails === undefined)
      say('TermUnused', at, 'the expression holds for every line that `where` lets in: without it the same is paid');
  }
  // An exception of what is not let in anyway.
  const whereOnly = reachOf({ where: credit.where, excepts: [] });
  if ('allowed' in whereOnly && said.except !== undefined)
    for (const [key, value] of Object.entries(said.except)) {
      const letIn = whereOnly.allowed.get(key);
      const values = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
      if (letIn !== undefined && values.length > 0 && values.every((one) => !letIn.has(one)))
        say(
          'TermUnused',
          `${path}/except/${key}`,
          `${values.join(', ')} is not let in by \`where\` (${key}: ${[...letIn].join(', ')}): excepting it takes nothing from any line`,
        );
    }
  return false;
}

function placeOf(never: Contradiction, said: ConditionsDocument, path: string): string {
  const key = never.kind === 'where' ? never.key : never.keys[0];
  const within = never.kind === 'where' ? said.where : said.except;
  if (within === undefined) return path;
  const field = never.kind === 'where' ? 'where' : 'except';
  return key !== undefined && key in within ? `${path}/${field}/${key}` : `${path}/${field}`;
}

function wordsOf(never: Contradiction): string {
  if (never.kind === 'where')
    return `\`where\` asks that ${never.key} be ${never.left.join(' or ')}, and be ${never.right.join(' or ')} as well`;
  return `\`except\` bars all that \`where\` lets in (${never.keys.join(', ')}: ${never.values.join(', ')})`;
}

// ── Rates that no partner reaches ───────────────────────────────────────────────────────────────────────────────────

/** Of the rates of a spread the first that fits counts: one that an earlier one covers is nobody's. */
function lintSpread(
  rates: readonly { readonly where: readonly CompiledCondition[] }[],
  path: string,
  say: Report,
): void {
  rates.forEach(({ where }, index) => {
    const reach = reachOf({ where, excepts: [] });
    if ('never' in reach) {
      say('TierUnreachable', `${path}/rates/${index}`, `${wordsOf(reach.never)}: this rate pays 0.00 to everybody`);
      return;
    }
    const before = rates.findIndex(
      (earlier, at) => at < index && earlier.where.every((condition) => isImplied(condition, where, reach.allowed)),
    );
    if (before >= 0)
      say(
        'TierUnreachable',
        `${path}/rates/${index}`,
        `whoever meets it meets rate ${before + 1} of the list, which comes first: this rate pays 0.00 to everybody`,
      );
  });
}

/** A level of the basis is taken of each child's line: of two children that pay one line, twice. */
function lintChildren(
  plan: CompiledPlan,
  sharing: LineSharing,
  { override, of }: OverrideCredit,
  path: string,
  say: Report,
): void {
  if (of === 'earning') return;
  const children = [...override].map((id) => plan.componentById.get(id));
  children.forEach((child, index) => {
    const other = children
      .slice(0, index)
      .find((one) => one !== undefined && child !== undefined && isOfRole(one, child) && sharing.canShare(one, child));
    if (child === undefined || other === undefined) return;
    const line = money(plan, units(plan, 100n));
    say(
      'LinePaidTwice',
      `${path}/override/${index}`,
      `"${other.id}" and "${child.id}" both pay a line: of its ${line} the partners above are paid as of ${money(plan, units(plan, 200n))}`,
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
  say: Report,
): void {
  const other = components.find(({ id }) => id === same)?.credit;
  if (other === undefined || 'override' in other || other.during === undefined) return;
  const [first, last] = other.during;
  if (first <= from && until <= last) return;
  const day = from < first || from > last ? from : until;
  say(
    'DuringOutside',
    `${path}/during`,
    `"${same}" counts from ${first} to ${last}, this from ${from} to ${until}: a line of ${day} is paid here, and not there`,
  );
}

// ── Lines that are paid twice ───────────────────────────────────────────────────────────────────────────────────────

/** True where the second component pays a payee for a line that the first pays it for already. */
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
    return `${both} the ${right.to} of a line${lineWords(first, second)}${when}`;
  }
  const overridden = (credit: CompiledComponent['credit']) =>
    credit.kind === 'override' ? credit.override : new Set<string>();
  const children = [...overridden(left).intersection(overridden(right))].map((id) => `"${id}"`);
  return `${both} the partners above on the lines of ${children.join(', ')}`;
}

function isStacked(first: CompiledComponent, second: CompiledComponent): boolean {
  return first.stacks.includes(second.id) || second.stacks.includes(first.id);
}

/** Which components can pay one and the same line. */
export class LineSharing {
  private readonly known = new Map<string, boolean>();

  constructor(readonly trials: Trials) {}

  /** True where one line can meet the conditions of both; of expressions only where such a line was found. */
  canShare(first: CompiledComponent, second: CompiledComponent): boolean {
    const [left, right] = [first.credit, second.credit];
    if (left.kind !== 'direct' || right.kind !== 'direct') return false;
    const key = [first.id, second.id].sort().join(' ');
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const outside = ({ during: own }: DirectCredit, { during: other }: DirectCredit) =>
      own !== undefined && other !== undefined && own[1] < other[0];
    // Conditions on the partner are each of another partner where the roles differ.
    const can =
      !outside(left, right) &&
      !outside(right, left) &&
      !(left.to === right.to ? this.exclude(left, right) : this.exclude(ofLine(left), ofLine(right)));
    this.known.set(key, can);
    return can;
  }

  exclude(left: CompiledConditions, right: CompiledConditions): boolean {
    const reach = reachOf({ where: [...left.where, ...right.where], excepts: [...left.excepts, ...right.excepts] });
    if ('never' in reach) return true;
    const expressions = [...left.expressions, ...right.expressions];
    if (expressions.length === 0) return false;
    return tryExpressions(expressions, reach.allowed, this.trials).holds === undefined;
  }
}

function ofLine({ where, excepts, expressions }: CompiledConditions): CompiledConditions {
  return {
    where: where.filter(({ subject }) => subject !== 'partner'),
    excepts: excepts.filter((group) => group.every(({ subject }) => subject !== 'partner')),
    expressions,
  };
}

/** ` of line.category hardware`, where conditions of both say so. */
function lineWords({ credit: left }: CompiledComponent, { credit: right }: CompiledComponent): string {
  const reach = reachOf({ where: [...left.where, ...right.where], excepts: [...left.excepts, ...right.excepts] });
  if (!('allowed' in reach) || reach.allowed.size === 0) return '';
  const words = [...reach.allowed].map(([key, values]) => `${key} ${[...values].slice(0, 3).join(' or ')}`);
  return ` (${words.join(', ')})`;
}

/** `: a line of 100.00 pays 4.00 and 5.00`, of rates that a line alone tells. */
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
  if (paid.every((one) => one === undefined)) return `: from the first ${money(plan, 1n)} on`;
  return `: a line of ${money(plan, line)} pays ${paid.map((one) => one ?? 'what its own rate says').join(', and ')}`;
}
