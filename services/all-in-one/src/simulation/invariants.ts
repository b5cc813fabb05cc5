/** What must hold in the log of the simulated world: after every step, and at its end. */
import { eventHash, FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { account } from '@tantieme/payouts/account/account';
import type { AccountEvent } from '@tantieme/payouts/account/account';
import type { SimulatedLog } from '@tantieme/simulation/event-store';

interface StatementState {
  readonly payable: string;
  approved: boolean;
}

export class Invariants {
  private read = 0;
  private readonly heads = new Map<string, string>();
  private readonly statements = new Map<string, StatementState>();

  constructor(private readonly log: SimulatedLog) {}

  /** Checks the events since the last call. @returns what is wrong */
  afterStep(): readonly string[] {
    const violations: string[] = [];
    for (; this.read < this.log.events.length; this.read += 1) {
      const event = this.log.events[this.read];
      if (event === undefined) break;
      violations.push(...this.chained(event));
      if (event.stream.startsWith(`${account.category}-`)) violations.push(...this.paid(event));
    }
    return violations;
  }

  /** @returns what is wrong once nothing is left to do */
  atTheEnd(): readonly string[] {
    return [...this.statements].flatMap(([id, { approved }]) => (approved ? [] : [`${id} was never approved`]));
  }

  private chained(event: StoredEvent): readonly string[] {
    const hash = eventHash(this.heads.get(event.stream) ?? FIRST_PREDECESSOR, event);
    this.heads.set(event.stream, event.hash);
    return hash === event.hash ? [] : [`the chain of ${event.stream} breaks at ${event.revision}`];
  }

  /** Each payout equals its approved statement, and there is at most one. */
  private paid(stored: StoredEvent): readonly string[] {
    const { type, data } = domainEventOf<AccountEvent>(stored, account.events);
    if (type === 'StatementIssued') {
      const { id, payable } = data.statement;
      if (this.statements.has(id)) return [`${id} is issued twice`];
      this.statements.set(id, { payable, approved: false });
    }
    if (type === 'StatementApproved') {
      const statement = this.statements.get(data.statement);
      if (statement === undefined) return [`${data.statement} is approved but was never issued`];
      if (statement.approved) return [`${data.statement} is paid twice`];
      statement.approved = true;
      if (statement.payable !== data.payable)
        return [`${data.statement} pays ${data.payable} but is about ${statement.payable}`];
    }
    return [];
  }
}
