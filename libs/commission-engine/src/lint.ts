/**
 * The plan linter: what is allowed, and yet hardly meant. It says where in the document, at which amount it bites, and why it
 * matters. `docs/plan-lint.md` has an example for each code. It computes with the curves that the lines are rated by, so that
 * an amount it names is what the engine pays.
 */
import { LINT_RULES } from './lint-codes.js';
import type { Say } from './lint-codes.js';
import { LineSharing, lintConditions } from './lint-conditions.js';
import { lintLiability } from './lint-liability.js';
import { lintLineCliffs } from './lint-line-cliffs.js';
import { TRIALS_MAX } from './lint-reach.js';
import { lintRates } from './lint-rates.js';
import { lintReturns } from './lint-returns.js';
import type { CompiledPlan } from './compiled-plan.js';
import type { PlanDocument } from './plan-document.js';
import type { Problem } from './plan-schema.js';

/** Findings of a document without errors, and what it is compiled to. */
export function lintPlan(document: PlanDocument, plan: CompiledPlan): readonly Problem[] {
  const problems: Problem[] = [];
  const say: Say = (code, path, message) => {
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
