/** Builders of programmes and earnings, and a runner for given – when – then specs of deciders. */
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { Decider, DomainEvent } from '@tantieme/event-sourcing/decide/decider';

import { receivedEarningsOf } from '../ledger/earnings-ledger.js';
import type { ReceivedEarnings } from '../ledger/earnings-ledger.js';
import type { ProgrammeDocument } from '../programme/programme.js';

export const CALENDAR = 'monthly@Europe/Paris';

export function document(parts: Partial<ProgrammeDocument> = {}): ProgrammeDocument {
  return {
    programme: 'volume',
    title: 'Volume bonus',
    currency: 'EUR',
    calendar: { periods: 'monthly', timeZone: 'Europe/Paris' },
    measure: { of: 'basis', over: 'quarter', components: ['hardware'] },
    tiers: [
      { from: '50000.00', pay: '500.00' },
      { from: '100000.00', pay: '1500.00' },
    ],
    from: '2026-01-01',
    ...parts,
  };
}

export function line(basis: string, parts: Partial<LedgerLine> = {}): LedgerLine {
  return {
    period: '2026-01',
    origin: '2026-01',
    plan: 'resellers',
    component: 'hardware',
    deal: 'crm|D-1',
    line: 'booked|1',
    kind: 'earning',
    basis,
    amount: '0.00',
    ...parts,
  };
}

export function earnings(deal: string, revision: number, lines: readonly LedgerLine[], payee = 'P1'): ReceivedEarnings {
  const plan = 'resellers';
  return receivedEarningsOf(
    { payee, plan, currency: 'EUR', calendar: CALENDAR, deal, lines: lines.map((one) => ({ ...one, deal })) },
    { stream: `earning-${payee}|${plan}`, revision },
    '2026-01-15T09:00:00Z',
  );
}

/** Runs the commands in order, and checks that deciding the input of each event again gives the same event. */
export function run<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  commands: readonly NoInfer<Command>[],
  from?: State,
): { readonly state: State; readonly events: readonly Event[] } {
  let state = from ?? decider.initialState();
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
