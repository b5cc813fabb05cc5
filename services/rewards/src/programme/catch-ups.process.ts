/**
 * Late programmes: reads the ledger of rewards again, from its beginning up to where the log ends now, and decides on the
 * bonuses of the programme. How far it has come is kept, so that it goes on after a restart; deciding twice is harmless.
 */
import { setTimeout as pause } from 'node:timers/promises';

import {
  advanceCheckpoint,
  resetCheckpoint,
  migrateCheckpoints,
  readCheckpoint,
} from '@tantieme/event-sourcing/read-model/checkpoints';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';

import { REWARDS_LEDGER, rewardsLedger } from '../ledger/ledger.js';
import type { LedgerEvent } from '../ledger/ledger.js';
import { PROGRAMME, programmeStream } from './programme.js';
import type { CatchUp, Programme } from './programme.js';
import { measure } from '../bonus/measuring.service.js';
import { serviceContext } from '../runtimes.service.js';
import type { Runtimes } from '../runtimes.service.js';

/** Ledger events a page: some 500 earnings each. */
const PAGE_EVENTS = 4;

const RETRY_MS = 500;

export class CatchUps {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private error: string | undefined;

  constructor(
    private readonly runtimes: Runtimes,
    private readonly db: AnyDatabase,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): this {
    this.running = this.run();
    return this;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Catch-ups that are not completed. */
  async lag(): Promise<bigint> {
    return BigInt((await pending(this.runtimes)).length);
  }

  lastError(): string | undefined {
    return this.error;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted)
      try {
        await migrateCheckpoints(this.db);
        await this.catchUp();
        const filter = { categories: [PROGRAMME] };
        for await (const page of this.runtimes.store.subscribe({ filter, batchSize: 1000, signal }))
          if (page.events.length > 0) await this.catchUp();
      } catch (error) {
        if (signal.aborted) return;
        this.error = errorMessage(error);
        this.onError(error);
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
  }

  private async catchUp(): Promise<void> {
    for (const { programme, catchUp } of await pending(this.runtimes)) {
      if (this.stopping.signal.aborted) return;
      if (!(await this.read(programme, catchUp))) return;
      const cause = `catch-up:${programme.id}:${catchUp.number}`;
      await this.runtimes.programmes.handle(
        programmeStream(programme.id),
        { type: 'complete-catch-up', at: new Date().toISOString(), number: catchUp.number },
        serviceContext(cause, cause),
      );
      await resetCheckpoint(this.db, checkpointOf(programme, catchUp));
    }
    this.error = undefined;
  }

  /** @returns false where it was stopped before the end. */
  private async read(programme: Programme, catchUp: CatchUp): Promise<boolean> {
    const { store } = this.runtimes;
    const name = checkpointOf(programme, catchUp);
    const filter = { categories: [REWARDS_LEDGER] };
    const end = await store.head();
    for (let after = await readCheckpoint(this.db, name); after < end;) {
      if (this.stopping.signal.aborted) return false;
      const page = await store.readAll({ after, filter, limit: PAGE_EVENTS });
      const entries = page.events.flatMap((stored) => domainEventOf<LedgerEvent>(stored, rewardsLedger).data.entries);
      const refused = await measure(this.runtimes, entries, { programme: programme.id, payee: catchUp.payee });
      for (const { error } of refused) this.onError(error);
      await advanceCheckpoint(this.db, name, after, page.through);
      after = page.through;
    }
    return true;
  }
}

/** Resolves when nothing is left to catch up on, whoever does it. @throws the signal's reason where it is aborted. */
export async function caughtUp(runtimes: Runtimes, signal: AbortSignal): Promise<void> {
  while ((await pending(runtimes)).length > 0) await pause(20, undefined, { signal });
}

async function pending({
  directory,
}: Runtimes): Promise<readonly { readonly programme: Programme; readonly catchUp: CatchUp }[]> {
  await directory.refresh();
  return directory
    .allProgrammes()
    .flatMap(({ programme, catchUps }) => catchUps.map((catchUp) => ({ programme, catchUp })));
}

function checkpointOf(programme: Programme, { number }: CatchUp): string {
  return `rewards-catch-up-${programme.id}-${number}`;
}
