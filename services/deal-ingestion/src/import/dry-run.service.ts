/** What would happen to facts if they were recorded: decided as when they are, and nothing is written to the log. */
import type { DealFact } from '@tantieme/contracts/deal';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CellFault } from '@tantieme/tabular/cell';
import { dealAfter, dealDecider, dealStream } from '../deal/deal.js';
import type { DealFactRecorded } from '../deal/deal.js';
import type { DealState, RecordedFact } from '../deal/facts-in-force.js';
import { identityOf } from '../deal/deal-fact.js';
import type { DealRuntime } from '../deal/deal.queries.js';
import type { Candidate, Outcome } from '../fact/candidate.js';
import { identityIn, judge, located, rejectionOf } from '../fact/judgement.js';
import type { Rejection } from '../fact/judgement.js';
import { AmountTotals } from './amounts.js';
import type { AmountTotal } from './amounts.js';
import { openTemporaryDatabase } from './temporary-database.service.js';
import type { TemporaryDatabase } from './temporary-database.service.js';

/** A fact that would be refused. */
export interface WouldBeRefused {
  readonly outcome: 'conflict' | 'refused';
  readonly code: string;
  readonly source?: string | undefined;
  readonly deal?: string | undefined;
  readonly fact?: string | undefined;
  readonly rows?: readonly number[] | undefined;
  readonly errors: readonly CellFault[];
}

export class DryRun {
  private readonly accepted: TemporaryDatabase;
  private readonly totals = new AmountTotals();

  /**
   * @param directory where the facts of the file lie meanwhile: what the file itself brings counts as recorded
   * @param onRefused receives each fact that would be refused
   */
  constructor(
    private readonly deals: DealRuntime,
    directory: string,
    private readonly onRefused: (refused: WouldBeRefused) => void,
  ) {
    this.accepted = openTemporaryDatabase(directory);
    this.accepted.sql.exec(`
      create table facts (stream text not null, hash text not null, fact text not null, primary key (stream, hash))`);
  }

  /** The outcomes are in the order of the batch. */
  async judge(batch: readonly Candidate[]): Promise<readonly { readonly outcome: Outcome }[]> {
    const judged = batch.map((candidate) => ({ candidate, verdict: judge(candidate) }));
    const streams = judged.flatMap(({ verdict }) => ('fact' in verdict ? [dealStream(verdict.fact)] : []));
    const states = new Map<string, DealState>();
    await Promise.all([...new Set(streams)].map(async (stream) => states.set(stream, await this.stateOf(stream))));
    return judged.map(({ candidate, verdict }) => {
      const decided = 'fact' in verdict ? this.decide(verdict, states) : verdict;
      if (typeof decided === 'string') return { outcome: decided };
      const { kind, code, errors } = decided;
      const outcome = kind === 'conflict' ? 'conflict' : 'refused';
      const { rows } = candidate;
      this.onRefused({ outcome, code, ...identityIn(candidate), rows, errors: located(candidate, errors) });
      return { outcome };
    });
  }

  /** Of the facts that would be accepted. */
  amounts(): readonly AmountTotal[] {
    return this.totals.list();
  }

  close(): void {
    this.accepted.close();
  }

  private async stateOf(stream: string): Promise<DealState> {
    const { state } = await this.deals.load(stream);
    // A copy: the runtime's own state may change.
    const copy = new Map(state);
    for (const { hash, fact: text } of this.accepted.sql
      .prepare('select hash, fact from facts where stream = ?')
      .all(stream)) {
      const fact = JSON.parse(String(text)) as DealFact;
      copy.set(identityOf(fact, String(hash)), { fact, hash: String(hash) });
    }
    return copy;
  }

  private decide(fact: RecordedFact, states: ReadonlyMap<string, DealState>): 'accepted' | 'repeated' | Rejection {
    const stream = dealStream(fact.fact);
    const state = states.get(stream);
    if (state === undefined) throw new Error(`the deal ${stream} was not loaded`);
    try {
      const events: readonly DealFactRecorded[] = dealDecider.decide(fact, state);
      for (const event of events) {
        dealDecider.evolve(state, event);
        this.accepted.sql
          .prepare('insert into facts (stream, hash, fact) values (?, ?, ?)')
          .run(stream, fact.hash, JSON.stringify(fact.fact));
        this.totals.add(fact.fact, dealAfter(event));
      }
      return events.length > 0 ? 'accepted' : 'repeated';
    } catch (error) {
      if (error instanceof DomainError) return rejectionOf(error);
      throw error;
    }
  }
}
