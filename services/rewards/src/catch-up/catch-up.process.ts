/**
 * Catch-ups: reads the earnings ledger from its beginning to the end of the log, and decides on the bonuses of a
 * programme that was published late, or of a payee that became eligible late. A checkpoint per catch-up lets it
 * continue after a restart; repeating a decision appends nothing.
 */
import {
  advanceCheckpoint,
  hashAfter,
  readCheckpoint,
  resetCheckpoint,
} from '@tantieme/event-sourcing/read-model/checkpoints';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process, StepContext } from '@tantieme/event-sourcing/process/process';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';

import type { Bonuses } from '../bonus/bonuses.service.js';
import { measure } from '../bonus/measuring.service.js';
import type { ReferenceData } from '../bonus/reference-data.service.js';
import { earningsIn, REWARDS_LEDGER, LEDGER_EVENTS } from '../ledger/earnings-ledger.js';
import type { EarningsEvent } from '../ledger/earnings-ledger.js';
import { PROGRAMME, programmeStream } from '../programme/programme.js';
import type { CatchUp, Programme } from '../programme/programme.js';
import type { Programmes } from '../programme/programmes.service.js';
import { serviceContext } from '../service-context.js';

export const CATCH_UPS = 'rewards-catch-ups';

/** Events of the ledger per read: about 500 earnings each. */
const LEDGER_EVENTS_PER_READ = 4;

interface PendingCatchUp {
  readonly programme: Programme;
  readonly catchUp: CatchUp;
}

interface CatchUpPorts {
  readonly store: EventStore;
  readonly db: AnyDatabase;
  readonly bonuses: Bonuses;
  readonly programmes: Programmes;
}

export function catchUpProcess(ports: CatchUpPorts): Process<StoredEvent> {
  return {
    name: CATCH_UPS,
    replicas: 'one-replica',
    source: logSource({ categories: [PROGRAMME] }),
    step: async (_events, context) => {
      let isOpen = false;
      for (const pending of await pendingIn(ports.bonuses.referenceData))
        if ((await context.attempt(checkpointOf(pending), () => catchUp(ports, pending, context))) === 'open')
          isOpen = true;
      return isOpen ? 'open' : undefined;
    },
  };
}

async function catchUp(ports: CatchUpPorts, pending: PendingCatchUp, context: StepContext): Promise<'open' | void> {
  const { store, db, bonuses, programmes } = ports;
  const { programme, catchUp: one } = pending;
  const name = checkpointOf(pending);
  const onlyOf = { programme: programme.id, payee: one.payee };
  const filter = { categories: [REWARDS_LEDGER] };
  const end = await store.head();
  for (let after = await readCheckpoint(db, name); after < end;) {
    if (context.signal.aborted) return 'open';
    const page = await store.readAll({ after, filter, limit: LEDGER_EVENTS_PER_READ });
    const entries = page.events.flatMap((stored) => earningsIn(domainEventOf<EarningsEvent>(stored, LEDGER_EVENTS)));
    const [refused] = await measure(bonuses, entries, onlyOf);
    if (refused !== undefined) throw refused.error;
    await advanceCheckpoint(db, name, after, page.through, await hashAfter(store, page));
    after = page.through;
  }
  const cause = `catch-up:${programme.id}:${one.number}`;
  await programmes.handle(
    programmeStream(programme.id),
    { type: 'complete-catch-up', at: new Date(context.timers.nowMs()).toISOString(), number: one.number },
    serviceContext(cause, cause),
  );
  await resetCheckpoint(db, name);
}

/** True when no catch-up is unfinished, in any replica. */
export async function isCaughtUp(referenceData: ReferenceData): Promise<boolean> {
  return (await pendingIn(referenceData)).length === 0;
}

async function pendingIn(referenceData: ReferenceData): Promise<readonly PendingCatchUp[]> {
  await referenceData.refresh();
  return referenceData
    .allProgrammes()
    .flatMap(({ programme, catchUps }) => catchUps.map((one) => ({ programme, catchUp: one })));
}

function checkpointOf({ programme, catchUp: one }: PendingCatchUp): string {
  return `rewards-catch-up-${programme.id}-${one.number}`;
}
