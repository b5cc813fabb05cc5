/** How an amount came about. */

export interface TracePortion {
  /** Tier or band of the rate, from 0; left out for what lies below a baseline or gate. */
  readonly tier?: number;
  /** Part of the basis that lies in the tier. */
  readonly amount: string;
  readonly rate: string;
  /** Exact, before rounding. */
  readonly earned: string;
}

interface Rounding {
  readonly rounding: string;
  /** Exact; there where rounding changed something. */
  readonly unrounded?: string;
}

/** What surrounds a measurement, as far as the rate asks for it. */
export interface TracedContext {
  readonly total?: string;
  readonly quota?: string;
  readonly baseline?: string;
  readonly share?: string;
}

/** How an amount came about; JSON-ready, amounts in the plan's currency. `limit` is there where a limit changed it. */
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
  /** A gate whose target is not met. */
  | ({ readonly rate: 'barred'; readonly target: string } & TracedContext)
  | ({ readonly rate: 'level'; readonly level: number; readonly basis: string; readonly percent: string } & Rounding)
  | ({
      readonly rate: 'return';
      readonly policy?: 'average' | 're-rate';
      readonly occurrence: string;
      /** What the line (or with `average` the measurement) that is taken back earned. */
      readonly earned: string;
      readonly returnedBefore: string;
      readonly returned: string;
      readonly of: string;
      /** Share of it that the component's bands take. */
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
  /** Earned in its scope before the line, and what the line would earn without it. */
  readonly before: string;
  readonly earned: string;
}
