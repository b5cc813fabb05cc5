/**
 * Conditions that a plain map cannot express, in the Common Expression Language: sandboxed, always terminating, without
 * clock or randomness. Amounts and quantities are exact decimals: `line.net >= decimal("1000.00")`. Comparing one with
 * a double is a type error, found when the plan is read.
 */
import { Environment } from '@marcbachmann/cel-js';
import type { ASTNode } from '@marcbachmann/cel-js';
import { oneOf } from '@tantieme/contracts/suggest';
import {
  addRates,
  compareRates,
  decimalFault,
  formatRate,
  multiplyRates,
  parseDecimal,
  subtractRates,
  ZERO,
} from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { EngineError } from '../engine-error.js';

/** What an expression can read. Amounts are decimal text. A field that is left out reads as "" or 0. */
export interface ExpressionSubject {
  readonly deal: {
    readonly source: string;
    readonly id: string;
    readonly currency: string;
    readonly customer?: string;
    readonly attributes?: Readonly<Record<string, string>>;
  };
  /** Empty for a component that pays a deal as a whole. */
  readonly line: {
    readonly id?: string;
    readonly product?: string;
    readonly category?: string;
    readonly family?: string;
    readonly variant?: string;
    readonly quantity?: string;
    readonly net?: string;
    readonly gross?: string;
    readonly cost?: string;
  };
  readonly partner: {
    readonly id: string;
    readonly channel: string;
    readonly country: string;
    readonly tier: string | null;
    readonly upline: string | null;
    readonly certifications?: Readonly<Record<string, number>>;
  };
}

export interface Expression {
  readonly text: string;
  /** @throws {EngineError} `ExpressionFailed`, if it cannot be evaluated for this subject (a division by zero, say) */
  holds(subject: ExpressionSubject): boolean;
}

class Decimal {
  constructor(readonly rate: Rate) {}

  toString(): string {
    return formatRate(this.rate);
  }
}

/** Fields of each variable, with their types. */
const FIELDS = {
  deal: { source: 'string', id: 'string', currency: 'string', customer: 'string', attributes: 'map<string, string>' },
  line: {
    id: 'string',
    product: 'string',
    category: 'string',
    family: 'string',
    variant: 'string',
    quantity: 'Decimal',
    net: 'Decimal',
    gross: 'Decimal',
    cost: 'Decimal',
  },
  partner: {
    id: 'string',
    channel: 'string',
    country: 'string',
    tier: 'string',
    upline: 'string',
    certifications: 'map<string, int>',
  },
};

function createEnvironment(): Environment {
  const environment = new Environment({
    limits: { maxAstNodes: 500, maxDepth: 40, maxListElements: 1000, maxMapEntries: 100, maxCallArguments: 8 },
  })
    .registerType('Decimal', { ctor: Decimal, fields: {} })
    .registerFunction('decimal(string): Decimal', (text: string) => new Decimal(parseDecimal(text)))
    .registerFunction('decimal(int): Decimal', (whole: bigint) => new Decimal({ numerator: whole, denominator: 1n }))
    .registerOperator('Decimal + Decimal', (a: Decimal, b: Decimal) => new Decimal(addRates(a.rate, b.rate)))
    .registerOperator('Decimal - Decimal', (a: Decimal, b: Decimal) => new Decimal(subtractRates(a.rate, b.rate)))
    .registerOperator('Decimal * Decimal', (a: Decimal, b: Decimal) => new Decimal(multiplyRates(a.rate, b.rate)))
    .registerOperator('Decimal < Decimal', (a: Decimal, b: Decimal) => compareRates(a.rate, b.rate) < 0)
    .registerOperator('Decimal <= Decimal', (a: Decimal, b: Decimal) => compareRates(a.rate, b.rate) <= 0)
    .registerOperator('Decimal > Decimal', (a: Decimal, b: Decimal) => compareRates(a.rate, b.rate) > 0)
    .registerOperator('Decimal >= Decimal', (a: Decimal, b: Decimal) => compareRates(a.rate, b.rate) >= 0)
    .registerOperator('Decimal == Decimal', (a: Decimal, b: Decimal) => compareRates(a.rate, b.rate) === 0);
  for (const [name, schema] of Object.entries(FIELDS)) environment.registerVariable(name, { schema });
  return environment;
}

let environment: Environment | undefined;

/** What is wrong with an expression; undefined if nothing is. */
export function expressionFault(text: string): { readonly code: string; readonly message: string } | undefined {
  environment ??= createEnvironment();
  const checked = environment.check(text);
  if (!checked.valid) return { code: 'ExpressionInvalid', message: faultInWords(text, checked.error?.message ?? '') };
  if (checked.type !== 'bool')
    return {
      code: 'ExpressionInvalid',
      message: `expr yields a ${String(checked.type)}; it must yield true or false, such as line.net >= decimal("1000.00")`,
    };
  return undefined;
}

/** The library's message, with what is allowed. */
function faultInWords(text: string, message: string): string {
  const [fault = ''] = message.split('\n');
  const variable = /^Unknown variable: (\w+)$/.exec(fault)?.[1];
  if (variable !== undefined)
    return `expr reads "${variable}", which is unknown; it must be ${oneOf(Object.keys(FIELDS), variable)}`;
  const key = /^No such key: (\w+)$/.exec(fault)?.[1];
  const owner = key === undefined ? undefined : new RegExp(`\\b(deal|line|partner)\\.${key}\\b`).exec(text)?.[1];
  if (key !== undefined && (owner === 'deal' || owner === 'line' || owner === 'partner'))
    return `expr reads ${owner}.${key}, which is unknown; the field must be ${oneOf(Object.keys(FIELDS[owner]), key)}`;
  if (/\bDecimal\b/.test(fault))
    return `expr is invalid: ${fault}; amounts and quantities are decimals, so write decimal("1000.00")`;
  return `expr is invalid: ${fault}`;
}

/** @throws {EngineError} `PlanInvalid`, for an expression that `expressionFault` refuses */
export function compileExpression(text: string): Expression {
  const fault = expressionFault(text);
  if (fault !== undefined) throw new EngineError('PlanInvalid', `${text}: ${fault.message}`);
  environment ??= createEnvironment();
  const run = environment.parse(text);
  return {
    text,
    holds(subject) {
      try {
        return run(variablesOf(subject)) === true;
      } catch (error) {
        const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        throw new EngineError('ExpressionFailed', `${text}: ${reason}`);
      }
    },
  };
}

/** The paths that an expression reads, and its literals. */
export interface ExpressionReads {
  /** `line.net`, in order of text. */
  readonly paths: readonly string[];
  readonly texts: readonly string[];
  readonly amounts: readonly Rate[];
  /** Whether it only compares paths with literals, so that all values between two literals have the same result. */
  readonly isPlain: boolean;
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const ORDERINGS: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);
const CONNECTIVES: ReadonlySet<string> = new Set(['&&', '||', '!_', '?:']);

/** @throws if `expressionFault` refuses the expression */
export function readsOf(text: string): ExpressionReads {
  environment ??= createEnvironment();
  const paths = new Set<string>();
  const texts = new Set<string>();
  const amounts: Rate[] = [];
  let isPlain = true;
  const isLiteral = (node: unknown): boolean =>
    isNode(node) &&
    (node.op === 'value' ||
      (node.op === 'list' && node.args.every(isLiteral)) ||
      (node.op === 'call' && node.args[0] === 'decimal' && node.args[1].every(isLiteral)));
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isNode(value)) return;
    const { op, args } = value;
    if (op === 'value') {
      if (typeof args === 'string') texts.add(args);
      if (typeof args === 'bigint') amounts.push({ numerator: args, denominator: 1n });
      return;
    }
    if (op === '.' && args[0].op === 'id') {
      paths.add(`${args[0].args}.${args[1]}`);
      return;
    }
    if (op === 'call' && args[0] === 'decimal') {
      const [literal] = args[1];
      if (literal?.op === 'value' && typeof literal.args === 'string' && decimalFault(literal.args) === undefined) {
        amounts.push(parseDecimal(literal.args));
        return;
      }
    }
    if (COMPARISONS.has(op)) {
      const sides: readonly unknown[] = Array.isArray(args) ? args : [];
      const isPath = (side: unknown) => isNode(side) && side.op === '.';
      if (!sides.some(isLiteral) || !sides.every((side) => isLiteral(side) || isPath(side))) isPlain = false;
      // Between two texts there is always another text.
      if (ORDERINGS.has(op) && sides.some((side) => isNode(side) && typeof side.args === 'string')) isPlain = false;
    } else if (!CONNECTIVES.has(op) && !isLiteral(value)) isPlain = false;
    visit(args);
  };
  visit(environment.parse(text).ast);
  return { paths: [...paths].sort(), texts: [...texts], amounts, isPlain };
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function variablesOf({ deal, line, partner }: ExpressionSubject): Record<string, unknown> {
  const amount = (text: string | undefined) => new Decimal(text === undefined ? ZERO : parseDecimal(text));
  const { product = '', category = '', family = '', variant = '', id = '' } = line;
  return {
    deal: { customer: '', ...deal, attributes: deal.attributes ?? {} },
    line: {
      id,
      product,
      category,
      family,
      variant,
      quantity: amount(line.quantity),
      net: amount(line.net),
      gross: amount(line.gross),
      cost: amount(line.cost),
    },
    partner: {
      id: partner.id,
      channel: partner.channel,
      country: partner.country,
      tier: partner.tier ?? '',
      upline: partner.upline ?? '',
      certifications: Object.fromEntries(
        Object.entries(partner.certifications ?? {}).map(([name, count]) => [name, BigInt(count)]),
      ),
    },
  };
}
