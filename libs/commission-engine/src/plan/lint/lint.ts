/**
 * The plan linter finds what a document may contain but hardly means. A finding names the place, the amount at which it
 * matters, and why. `docs/plan-lint.md` has an example of each code. The linter computes with the curves that rate the
 * lines: an amount in a message is the amount that the engine pays.
 */
import { LINT_RULES } from './codes.js';
import type { Report } from './codes.js';
import { LineSharing, lintConditions } from './conditions.js';
import { lintLiability } from './liability.js';
import { lintLineCliffs } from './line-cliffs.js';
import { TRIALS_MAX } from './condition-values.js';
import { lintRates } from './rates.js';
import { lintReturns } from './returns.js';
import type { CompiledPlan } from '../compiled.js';
import type { PlanDocument } from '../document.js';
import type { Problem } from '../problem.js';

/** Findings for a document without errors and the plan compiled from it. */
export function lintPlan(document: PlanDocument, plan: CompiledPlan): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (code, path, message) => {
    const { severity, why } = LINT_RULES[code];
    problems.push({ code, severity, message, path, why });
  };
  const sharing = new LineSharing({ remaining: TRIALS_MAX });
  lintConditions(document, plan, sharing, report);
  lintRates(document, plan, report);
  lintLineCliffs(plan, report);
  lintReturns(document, plan, report);
  lintLiability(document, plan, sharing, report);
  return problems;
}
