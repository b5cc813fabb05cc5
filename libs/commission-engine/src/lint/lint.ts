/**
 * The plan linter: what is allowed, and yet hardly meant. It says where in the document, at which amount it bites, and why it
 * matters. `docs/plan-lint.md` has an example for each code. It computes with the curves that the lines are rated by, so that
 * an amount it names is what the engine pays.
 */
import { LINT_RULES } from './codes.js';
import type { Report } from './codes.js';
import { LineSharing, lintConditions } from './conditions.js';
import { lintLiability } from './liability.js';
import { lintLineCliffs } from './line-cliffs.js';
import { TRIALS_MAX } from './condition-values.js';
import { lintRates } from './rates.js';
import { lintReturns } from './returns.js';
import type { CompiledPlan } from '../plan/compiled.js';
import type { PlanDocument } from '../plan/document.js';
import type { Problem } from '../plan/schema.js';

/** Findings of a document without errors, and what it is compiled to. */
export function lintPlan(document: PlanDocument, plan: CompiledPlan): readonly Problem[] {
  const problems: Problem[] = [];
  const say: Report = (code, path, message) => {
    const { severity, why } = LINT_RULES[code];
    problems.push({ code, severity, message, path, why });
  };
  const sharing = new LineSharing({ left: TRIALS_MAX });
  lintConditions(document, plan, sharing, say);
  lintRates(document, plan, say);
  lintLineCliffs(plan, say);
  lintReturns(document, plan, say);
  lintLiability(document, plan, sharing, say);
  return problems;
}
