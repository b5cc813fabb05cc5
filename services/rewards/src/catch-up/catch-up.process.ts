/**
 * Catch-ups: reads the earnings ledger from its beginning to the end of the log, and decides on the bonuses of a
 * programme that was published late, or of a payee that became eligible late. A checkpoint per catch-up lets it
 * continue after a restart; repeating a decision appends nothing.
 */
import { setTimeout as pause } from 'node:timers/promises';

import {
  advanceCheckpoint,
  hashAfter,
  resetCheckpoint,
  migrateCheckpoints,
  readCheckpoint,
} from '@tantieme/event-sourcing/read-model/checkpoints';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';

import type { Bonuses } from '../bonus/bonuses.service.js';
import { measure } from '../bonus/measuring.service.js';
import type { ReferenceData } from '../bonus/reference-data.service.js';
import { REWARDS_LEDGER, LEDGER_EVENTS } from '../ledger/earnings-ledger.js';
import type { EarningsEvent } from '../ledger/earnings-ledger.js';
import { PROGRAMME, programmeStream } from '../programme/programme.js';
import type { CatchUp, Programme } from '../programme/programme.js';
import type { Programmes } from '../programme/programmes.service.js';
import { serviceContext } from '../service-context.js';

/** Events of the ledger per read: about 500 earnings each. */
const LEDGER_EVENTS_PER_READ = 4;

const PROGRAMME_EVENTS_PER_READ = 1000;

const RETRY_MS = 500;

/** The pause between two checks of `caughtUp`. */
const CHECK_MS = 20;

interface PendingCatchUp {
  readonly programme: Programme;
  readonly catchUp: CatchUp;
}

export class CatchUps {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private error: string | undefined;

  constructor(
    private readonly options: {
      readonly store: EventStore;
      readonly db: AnyDatabase;
      readonly bonuses: Bonuses;
      readonly programmes: Programmes;
      readonly onError: (error: unknown) => void;
    },
  ) {}

  start(): this {
    this.running = this.run();
    return this;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Number of unfinished catch-ups. */
  async lag(): Promise<bigint> {
    return BigInt((await pendingIn(this.options.bonuses.referenceData)).length);
  }

  lastError(): string | undefined {
    return this.error;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { store, db, onError } = this.options;
    const filter = { categories: [PROGRAMME] };
    while (!signal.aborted)
      try {
        await migrateCheckpoints(db);
        await this.catchUpAll();
        for await (const page of store.subscribe({ filter, batchSize: PROGRAMME_EVENTS_PER_READ, signal }))
          if (page.events.length > 0) await this.catchUpAll();
      } catch (error) {
        if (signal.aborted) return;
        this.error = errorMessage(error);
        onError(error);
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
  }

  private async catchUpAll(): Promise<void> {
    const { db, bonuses, programmes } = this.options;
    for (const pending of await pendingIn(bonuses.referenceData)) {
      if (!(await this.readLedger(pending))) return;
      const { programme, catchUp } = pending;
      const cause = `catch-up:${programme.id}:${catchUp.number}`;
      await programmes.handle(
        programmeStream(programme.id),
        { type: 'complete-catch-up', at: new Date().toISOString(), number: catchUp.number },
        serviceContext(cause, cause),
      );
      await resetCheckpoint(db, checkpointOf(pending));
    }
    this.error = undefined;
  }

  /** @returns false if it was stopped before the end. */
  private async readLedger(pending: PendingCatchUp): Promise<boolean> {
    const { store, db, bonuses, onError } = this.options;
    const name = checkpointOf(pending);
    const onlyOf = { programme: pending.programme.id, payee: pending.catchUp.payee };
    const filter = { categories: [REWARDS_LEDGER] };
    const end = await store.head();
    for (let after = await readCheckpoint(db, name); after < end;) {
      if (this.stopping.signal.aborted) return false;
      const page = await store.readAll({ after, filter, limit: LEDGER_EVENTS_PER_READ });
      const entries = page.events.flatMap((stored) => domainEventOf<EarningsEvent>(stored, LEDGER_EVENTS).data.entries);
      for (const { error } of await measure(bonuses, entries, onlyOf)) onError(error);
      await advanceCheckpoint(db, name, after, page.through, await hashAfter(store, page));
      after = page.through;
    }
    return !this.stopping.signal.aborted;
  }
}

/** Resolves when no catch-up is unfinished, in any replica. @throws the signal's reason */
export async function caughtUp(referenceData: ReferenceData, signal: AbortSignal): Promise<void> {
  while ((await pendingIn(referenceData)).length > 0) await pause(CHECK_MS, undefined, { signal });
}

async function pendingIn(referenceData: ReferenceData): Promise<readonly PendingCatchUp[]> {
  await referenceData.refresh();
  return referenceData
    .allProgrammes()
    .flatMap(({ programme, catchUps }) => catchUps.map((catchUp) => ({ programme, catchUp })));
}

function checkpointOf({ programme, catchUp }: PendingCatchUp): string {
  return `rewards-catch-up-${programme.id}-${catchUp.number}`;
}
