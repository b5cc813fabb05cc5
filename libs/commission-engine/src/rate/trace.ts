export interface TracePortion {
  /** Tier or band of the rate, from 0; absent for the part below a baseline or gate. */
  readonly tier?: number;
  /** Part of the basis that lies in the tier. */
  readonly amount: string;
  readonly rate: string;
  /** Exact, before rounding. */
  readonly earned: string;
}

interface Rounding {
  readonly rounding: string;
  /** The exact amount; present where rounding changed it. */
  readonly unrounded?: string;
}

/** The context of the measurement, as far as the rate depends on it. */
export interface TracedContext {
  readonly total?: string;
  readonly quota?: string;
  readonly baseline?: string;
  readonly share?: string;
}

/**
 * How an amount came about. Plain JSON; amounts in the plan's currency. `limit` is present where a limit changed the
 * amount.
 */
export type Trace = { readonly limit?: TracedLimit } & (
  | ({
      readonly rate: 'percent' | 'matrix' | 'spread' | 'recurring';
      readonly basis: string;
      readonly percent: string;
      readonly rule?: number;
      readonly month?: number;
    } & Rounding)
  | ({
      readonly rate: 'flat';
      readonly per: string;
      readonly amount: string;
      readonly quantity?: string;
      readonly share?: string;
    } & Rounding)
  | ({
      readonly rate: 'marginal' | 'retroactive' | 'lagged' | 'accelerator' | 'percent-measured';
      /** Measured before the line (c), and what the line adds (d). */
      readonly before: string;
      readonly basis: string;
      readonly portions: readonly TracePortion[];
    } & TracedContext &
      Rounding)
  | ({
      readonly rate: 'stepped';
      readonly before: string;
      readonly basis: string;
      readonly every: string;
      readonly pay: string;
    } & TracedContext &
      Rounding)
  /** Nothing is earned: a gate's target is not met (`target` is its text), or `target` names another reason. */
  | ({ readonly rate: 'barred'; readonly target: string } & TracedContext)
  | ({ readonly rate: 'level'; readonly level: number; readonly basis: string; readonly percent: string } & Rounding)
  | ({
      readonly rate: 'return';
      readonly policy?: 'average' | 're-rate';
      readonly occurrence: string;
      /** What the returned line earned, or with `average` the whole measurement. */
      readonly earned: string;
      readonly returnedBefore: string;
      readonly returned: string;
      readonly of: string;
      /** Share that the component's bands take. */
      readonly band?: string;
    } & Rounding)
  | ({ readonly rate: 'reserve'; readonly earned: string; readonly held: string } & Rounding)
  | ({
      readonly rate: 'release';
      readonly occurrence: string;
      readonly held: string;
      readonly doneBefore: string;
      readonly done: string;
      readonly of: string;
    } & Rounding)
  | { readonly rate: 'deferred'; readonly excess: string; readonly earned: string; readonly cap: string }
  | { readonly rate: 'guarantee'; readonly guaranteed: string; readonly share: string; readonly earned: string }
  | { readonly rate: 'draw'; readonly draw: string; readonly earned: string; readonly balance: string }
);

export interface TracedLimit {
  readonly per: string;
  readonly cap: string;
  /** Earned in the limit's scope before the line, and what the line would earn without the limit. */
  readonly before: string;
  readonly earned: string;
}
