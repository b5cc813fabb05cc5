/**
 * The codes of the plan linter, with their severity and why they matter. `docs/plan-lint.md` has an example of each.
 */

/** A finding is a warning, unless it can only be a mistake: then it is an error and refuses the document. */
export const LINT_RULES = {
  ConditionsNeverHold: {
    severity: 'error',
    why: 'no line can ever meet these conditions, so the component never pays anything',
  },
  LinePaidTwice: {
    severity: 'warning',
    why: 'paying for a line twice must be a decision, declared with `stacks`, not an accident',
  },
  DuringOutside: {
    severity: 'warning',
    why: 'a `same` credit counts only the days that it shares with the component it follows',
  },
  TermUnused: {
    severity: 'warning',
    why: 'a term without effect promises something that the plan does not do',
  },
  CliffLowersPay: {
    severity: 'warning',
    why: 'a payee who sells more earns less: sellers hold deals back, and disputes follow',
  },
  RateFallsWithSales: {
    severity: 'warning',
    why: 'further sales earn less than earlier ones; often two tiers were swapped',
  },
  TierUnreachable: {
    severity: 'warning',
    why: 'the rate is promised but never paid',
  },
  TierChangesNothing: {
    severity: 'warning',
    why: 'a boundary between equal rates has no effect; often one of the two is a typing error',
  },
  LimitNeverReached: {
    severity: 'warning',
    why: 'a limit that is never reached has no effect; often it has a digit too many',
  },
  NothingIsPaid: {
    severity: 'warning',
    why: 'the component pays nothing, no matter how much is sold',
  },
  QuotaZero: {
    severity: 'warning',
    why: 'a quota of 0 is met before anything is sold',
  },
  RateWithoutSign: {
    severity: 'warning',
    why: 'a rate without a per cent sign is a fraction: 0.5 pays half of the basis, not half a per cent',
  },
  LiabilityUnbounded: {
    severity: 'warning',
    why: 'the cost is not bounded by the sales, so nobody can budget for it',
  },
  AdvanceWithoutEnd: {
    severity: 'warning',
    why: 'an advance that is never recovered is a salary, and this one has no last day',
  },
  BaselineOfNewPartners: {
    severity: 'warning',
    why: 'a partner who sold nothing last year has a baseline of 0, so all its sales count as growth',
  },
  TotalAboveWhole: {
    severity: 'warning',
    why: 'together, the payees of one line can earn more than the line is worth',
  },
  FloorAboveLimit: {
    severity: 'warning',
    why: 'the floor is at least what can be earned: it is paid no matter what is sold, and a draw is never recovered',
  },
  OverrideOutlivesBudget: {
    severity: 'warning',
    why: 'a budget stops what its own component pays, but not the overrides on the same lines',
  },
  DeferredWithoutEnd: {
    severity: 'warning',
    why: 'deferred money that is not paid by the end of the agreement lapses, and the document does not mention it',
  },
  HoldTwice: {
    severity: 'warning',
    why: 'money earned by a paid instalment is held again until the other instalments are paid',
  },
  HoldOverYear: {
    severity: 'warning',
    why: 'earnings held for more than a year need a provision in two balance sheets',
  },
  ReturnKeepsTier: {
    severity: 'warning',
    why: 'a returned line that is not re-rated stays in the measurement, so it still counts towards the tier',
  },
  ClawbackOfAgents: {
    severity: 'warning',
    why: 'a commercial agent need not pay back more than was paid for the contract that was not executed (Directive 86/653/EEC, article 11)',
  },
  ForfeitOfAgents: {
    severity: 'warning',
    why: 'a commercial agent keeps the right to commission on executed contracts even after the agency has ended (Directive 86/653/EEC, articles 10 and 11)',
  },
} as const satisfies Readonly<Record<string, { readonly severity: 'error' | 'warning'; readonly why: string }>>;

export type LintCode = keyof typeof LINT_RULES;

/** Adds a finding. The message names the amount at which the finding matters. */
export type Report = (code: LintCode, path: string, message: string) => void;
