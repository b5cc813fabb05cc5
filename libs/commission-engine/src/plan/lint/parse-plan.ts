import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { compilePlan } from '../compile.js';
import type { CompiledPlan } from '../compiled.js';
import type { PlanDocument } from '../document.js';
import type { Problem } from '../problem.js';
import { planProblems } from '../problems.js';
import { schemaProblems } from '../schema-problems.js';
import { readPlanText } from '../text.js';
import type { Place } from '../text.js';
import { lintPlan } from './lint.js';

/** A problem and its place in the text. `docs/plan-lint.md` explains every code. */
export type Finding = Problem & Place;

export interface ParsedPlan {
  /** Absent if any finding is an error. */
  readonly document?: PlanDocument;
  /** The document compiled under the given name; absent if any finding is an error. */
  readonly plan?: CompiledPlan;
  /** In order of their places. */
  readonly findings: readonly Finding[];
}

/**
 * Reads, checks, lints and compiles a plan document in YAML or JSON. Never throws: whatever is wrong becomes a finding.
 *
 * @param version name of the compiled plan. A caller that derives it from the document compiles the document again.
 */
export function parsePlan(text: string, version = ''): ParsedPlan {
  const read = readPlanText(text);
  if (read.problems.length > 0) return { findings: read.problems };
  const placed = (problems: readonly Problem[]): readonly Finding[] =>
    problems
      .map((problem) => ({ ...problem, ...read.placeOf(problem.path) }))
      .sort((left, right) => left.line - right.line || left.column - right.column);
  const violations = schemaProblems(read.value);
  if (!isPlanDocument(read.value, violations)) return { findings: placed(violations) };
  const document = read.value;
  const problems = planProblems(document);
  if (problems.some(isError)) return { findings: placed(problems) };
  const plan = compilePlan(document, version);
  const all = [...problems, ...lintPlan(document, plan)];
  const isRefused = all.some(isError);
  return omitUndefined({
    document: isRefused ? undefined : document,
    plan: isRefused ? undefined : plan,
    findings: placed(all),
  });
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
}

function isPlanDocument(value: unknown, violations: readonly Problem[]): value is PlanDocument {
  return typeof value === 'object' && value !== null && violations.length === 0;
}
