import { compilePlan } from '../plan/compile.js';
import type { CompiledPlan } from '../plan/compiled.js';
import type { PlanDocument } from '../plan/document.js';
import { planProblems } from '../plan/problems.js';
import { schemaProblems } from '../plan/schema.js';
import type { Problem } from '../plan/schema.js';
import { readPlanText } from '../plan/text.js';
import { lintPlan } from './lint.js';

/** What is to be said about a document, and where. `line` and `column` count from 1. */
export interface Finding {
  /** Stable: `TiersNotAscending`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** What there is, with the amount at which it bites. */
  readonly message: string;
  /** Why it matters: of what the linter finds, where `docs/plan-lint.md` tells more of the code. */
  readonly why?: string;
  /** JSON pointer into the document: `/components/0/rate/marginal/1/below`. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

export interface ParsedPlan {
  /** There where no finding is an error. */
  readonly document?: PlanDocument;
  /** The document compiled, under the hash that was given. */
  readonly plan?: CompiledPlan;
  readonly findings: readonly Finding[];
}

/**
 * A plan document from YAML or JSON text. Never throws: what is wrong is a finding with its place.
 * `hash` is what the compiled plan is to be known by; whoever computes it from the document compiles again with it.
 */
export function parsePlan(text: string, hash = ''): ParsedPlan {
  const read = readPlanText(text);
  if (read.problems.length > 0) return { findings: read.problems };
  const violations = schemaProblems(read.value);
  const problems = isPlanDocument(read.value, violations) ? planProblems(read.value) : violations;
  const placed = (found: readonly Problem[]): readonly Finding[] =>
    found
      .map((problem) => ({ ...problem, ...read.placeOf(problem.path) }))
      .sort((left, right) => left.line - right.line || left.column - right.column);
  if (hasError(problems) || !isPlanDocument(read.value, violations)) return { findings: placed(problems) };
  const plan = compilePlan(read.value, hash);
  const findings = [...problems, ...lintPlan(read.value, plan)];
  return { ...(hasError(findings) ? {} : { document: read.value, plan }), findings: placed(findings) };
}

function hasError(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

function isPlanDocument(value: unknown, violations: readonly Problem[]): value is PlanDocument {
  return typeof value === 'object' && value !== null && violations.length === 0;
}
