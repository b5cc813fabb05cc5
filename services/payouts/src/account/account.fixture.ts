/** Builders of ledger data, and a runner for given – when – then specs of deciders. */
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import type { Decider, DomainEvent } from '@tantieme/event-sourcing/decide/decider';

import type { AccountCommand, AccountEntry } from './account.js';
import type { StatementName } from './statement.js';

export const CALENDAR = 'monthly@Europe/Paris';

export function line(parts: Partial<LedgerLine> = {}): LedgerLine {
  return {
    period: '2026-01',
    origin: '2026-01',
    plan: 'resellers',
    component: 'hardware',
    deal: 'crm|D-1',
    line: 'booked|1',
    kind: 'earning',
    basis: '1000.00',
    amount: '40.00',
    ...parts,
  };
}

export function receive(
  lines: readonly LedgerLine[],
  parts: Partial<Extract<AccountCommand, { readonly type: 'receive-ledger-lines' }>> = {},
): AccountCommand {
  return {
    type: 'receive-ledger-lines',
    at: '2026-01-15T09:00:00Z',
    origin: { stream: 'earning-P1|resellers', revision: 0 },
    key: lines[0]?.deal ?? 'crm|D-1',
    currency: 'EUR',
    calendar: CALENDAR,
    lines,
    ...parts,
  };
}

export function entry(lines: readonly LedgerLine[], parts: Partial<AccountEntry> = {}): AccountEntry {
  return {
    stream: 'earning-P1|resellers',
    lines: lines.length,
    minimum: '0.00',
    hash: ledgerLinesHash(lines),
    ...parts,
  };
}

export function issue(
  period: string,
  entries: readonly AccountEntry[],
  parts: Partial<StatementName> = {},
): AccountCommand {
  const name = { payee: 'P1', currency: 'EUR', calendar: CALENDAR, period, closing: 1, ...parts };
  return { type: 'issue-statement', at: '2026-02-03T09:00:00Z', name, entries };
}

/** Runs the commands in order, and checks that deciding the input of each event again gives the same event. */
export function run<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  commands: readonly NoInfer<Command>[],
): { readonly state: State; readonly events: readonly Event[] } {
  let state = decider.initialState();
  const events: Event[] = [];
  for (const command of commands)
    for (const event of decider.decide(command, state)) {
      const again = decider.decide(decider.commandOf(event), state);
      if (JSON.stringify(again) !== JSON.stringify([event]))
        throw new Error(`deciding again gave another event: ${JSON.stringify(again)}`);
      events.push(event);
      state = decider.evolve(state, event);
    }
  return { state, events };
}
