export interface WorkStatus {
  readonly name: string;
  readonly running: boolean;
  /** Another replica runs it; this one takes over when that one ends. */
  readonly standby?: true;
  /** Position in the global order, as decimal text. */
  readonly position?: string;
  /** Events or messages left, as decimal text. */
  readonly lag?: string;
  readonly lastError?: string;
}
