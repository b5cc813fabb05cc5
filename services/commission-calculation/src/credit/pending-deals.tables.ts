/** Tables of what deals wait for: to be credited at all, or for a quota. */

export interface WaitingRow {
  readonly deal: string;
  readonly code: string;
  readonly subject: string;
  readonly message: string;
  /** When what the deal was last credited for happened. */
  readonly since: string;
}

export interface WaitingTables {
  commission_waiting: WaitingRow;
}

export interface LackingRow extends WaitingRow {
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
}

export interface LackingTables {
  commission_lacking: LackingRow;
}
