import { setTimeout as pause } from 'node:timers/promises';

import { Logger } from '@nestjs/common';
import { findCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import type { PostgresLocks } from '@tantieme/event-sourcing/process/postgres-locks';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { QueryExecutorProvider } from 'kysely';

import type { BackgroundWork } from './background-work.js';

/** How often who stands by looks whether it is its turn, and who works whether it still is, in milliseconds. */
const LOOK_MS = 1000;

/**
 * Works that one replica does at a time, where several share a PostgreSQL: the others stand by and take over within seconds of its
 * end, whatever end that is. Who loses the database stops its works and queues again. For a moment two may believe that it is their
 * turn; what is right does not rest on it: a checkpoint is compared and set, and effects are idempotent.
 */
export class LeaderElection {
  private readonly logger = new Logger('Turns');
  private readonly turns: Turn[] = [];
  private readonly stopping = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  private isReached = true;

  constructor(
    private readonly locks: PostgresLocks,
    private readonly db: QueryExecutorProvider,
  ) {}

  /** A work that is started when it is its turn, and again whenever it is. Its name is that of its checkpoint, where it has one. */
  queue(name: string, start: () => BackgroundWork | Promise<BackgroundWork>): BackgroundWork {
    const turn = new Turn(name, start, () => findCheckpoint(this.db, name));
    this.turns.push(turn);
    return turn;
  }

  /** Begins to look; does not wait for the database. */
  begin(): void {
    this.looking = this.look();
  }

  /** No work is started any more. */
  async stopLooking(): Promise<void> {
    this.stopping.abort();
    await this.looking;
  }

  /** Lets the others know that the works have ended here. */
  end(): void {
    this.locks.release();
  }

  private async look(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const free = await this.locks.take(this.turns.filter(({ isHeld }) => !isHeld).map(({ name }) => name));
        this.isReached = true;
        for (const turn of this.turns) {
          if (free.includes(turn.name)) turn.isHeld = true;
          await turn.goOn();
        }
      } catch (error) {
        if (this.isReached) this.logger.warn(`the database is lost, works wait for it: ${errorMessage(error)}`);
        this.isReached = false;
        await Promise.all(this.turns.map((turn) => turn.giveUp(errorMessage(error))));
      }
      await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A work, whether it is done here or in another replica. */
class Turn implements BackgroundWork {
  isHeld = false;
  private work: BackgroundWork | undefined;
  private error: string | undefined;

  constructor(
    readonly name: string,
    private readonly start: () => BackgroundWork | Promise<BackgroundWork>,
    private readonly checkpoint: () => Promise<bigint | undefined>,
  ) {}

  async goOn(): Promise<void> {
    try {
      if (this.isHeld) this.work ??= await this.start();
      this.error = undefined;
    } catch (error) {
      this.error = errorMessage(error);
    }
  }

  async giveUp(reason: string): Promise<void> {
    this.error = reason;
    this.isHeld = false;
    await this.stop().catch((error: unknown) => (this.error = errorMessage(error)));
  }

  async stop(): Promise<void> {
    const { work } = this;
    this.work = undefined;
    await work?.stop();
  }

  /** Another replica does it. */
  standsBy(): boolean {
    return !this.isHeld && this.error === undefined;
  }

  lastError(): string | undefined {
    return this.work?.lastError?.() ?? this.error;
  }

  /** Where another one does the work, its checkpoint says how far it is, a second ago at the most. */
  get position(): BackgroundWork['position'] {
    const { work } = this;
    return work === undefined ? this.checkpoint : work.position?.bind(work);
  }

  get lag(): BackgroundWork['lag'] {
    return this.work?.lag?.bind(this.work);
  }
}
