/** The codes of the plan linter: how much each weighs, and why it matters. `docs/plan-lint.md` has an example of each. */

/** Each warns, except for what can only be a mistake: that is an error, and refuses the document. */
export const LINT_RULES = {
  ConditionsNeverHold: {
    severity: 'error',
    why: 'no line can ever meet these conditions, so that the component pays nobody anything',
  },
  LinePaidTwice: {
    severity: 'warning',
    why: 'paying a line twice is to be said with `stacks`, never to happen by accident',
  },
  DuringOutside: {
    severity: 'warning',
    why: 'the dates of a component that credits the same as another stand in place of that other one’s, they do not narrow them',
  },
  TermUnused: {
    severity: 'warning',
    why: 'a term that changes nothing says something that the plan does not do',
  },
  CliffLowersPay: {
    severity: 'warning',
    why: 'whoever sells more earns less: sellers hold deals back, and disputes follow',
  },
  RateFallsWithSales: {
    severity: 'warning',
    why: 'further sales are worth less to the seller than the ones before; often two tiers have changed places',
  },
  TierUnreachable: {
    severity: 'warning',
    why: 'what stands there is promised and never paid',
  },
  TierChangesNothing: {
    severity: 'warning',
    why: 'a boundary between equal rates changes nothing; often one of the two is a slip',
  },
  LimitNeverReached: {
    severity: 'warning',
    why: 'a limit that cannot bite limits nothing; often a digit is missing or too much',
  },
  NothingIsPaid: {
    severity: 'warning',
    why: 'the component pays nothing, whatever is sold',
  },
  QuotaZero: {
    severity: 'warning',
    why: 'a quota of nothing is met before anything is sold',
  },
  RateWithoutSign: {
    severity: 'warning',
    why: 'a rate without its sign is a share of one: 0.5 pays half of the basis, not half a per cent',
  },
  LiabilityUnbounded: {
    severity: 'warning',
    why: 'what it costs has no bound in what is sold, so that nobody can provide for it',
  },
  AdvanceWithoutEnd: {
    severity: 'warning',
    why: 'an advance that is not taken back is a salary, and this one has no last day',
  },
  BaselineOfNewPartners: {
    severity: 'warning',
    why: 'who sold nothing last year has a baseline of 0: all that a new partner sells is growth',
  },
  TotalAboveWhole: {
    severity: 'warning',
    why: 'all who are paid for one line get more than the line is worth',
  },
  FloorAboveLimit: {
    severity: 'warning',
    why: 'the top-up is more than can be earned: it is paid whatever is sold, and an advance is never earned back',
  },
  OverrideOutlivesBudget: {
    severity: 'warning',
    why: 'a budget ends what its own component pays, not what is paid to those above on the same lines',
  },
  DeferredWithoutEnd: {
    severity: 'warning',
    why: 'what is put off and not paid when the agreement ends lapses, and the document does not say so',
  },
  HoldTwice: {
    severity: 'warning',
    why: 'an instalment that is paid is held again until the others are paid',
  },
  HoldOverYear: {
    severity: 'warning',
    why: 'money that is earned and kept back for more than a year is provided for in two balance sheets',
  },
  ReturnKeepsTier: {
    severity: 'warning',
    why: 'a return that is not re-rated keeps its place in the measurement: the tier stays reached by what came back',
  },
  ClawbackOfAgents: {
    severity: 'warning',
    why: 'of a commercial agent, no more may be taken back than was paid for the contract that is not executed (Directive 86/653/EEC, article 11)',
  },
  ForfeitOfAgents: {
    severity: 'warning',
    why: 'a commercial agent keeps the right to commission on contracts that are executed, also after the agency has ended (Directive 86/653/EEC, articles 10 and 11)',
  },
} as const satisfies Readonly<Record<string, { readonly severity: 'error' | 'warning'; readonly why: string }>>;

export type LintCode = keyof typeof LINT_RULES;

/** Says what is found: where, and in words with the amount at which it bites. */
export type Report = (code: LintCode, path: string, message: string) => void;
