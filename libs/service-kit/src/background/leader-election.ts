import { setTimeout as pause } from 'node:timers/promises';

import { Logger } from '@nestjs/common';
import { findCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import type { PostgresLocks } from '@tantieme/event-sourcing/process/postgres-locks';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { QueryExecutorProvider } from 'kysely';

import { EMBEDDED } from '../runtime/config.js';
import type { RuntimeConfig } from '../runtime/config.js';
import type { BackgroundWork } from './background-work.js';

/** How often replicas try to become leader, and leaders check that they still are, in milliseconds. */
const POLL_MS = 1000;

/**
 * Elects, for each piece of work, the one replica that runs it where several share a PostgreSQL. The others stand by
 * and take over within seconds of its end, however it ends. A replica that loses the database stops its work and stands
 * by again. For a moment two replicas may both consider themselves leader; correctness does not depend on that, since
 * checkpoints are compared and set and effects are idempotent.
 */
export class LeaderElection {
  private readonly logger = new Logger(LeaderElection.name);
  private readonly candidacies: Candidacy[] = [];
  private readonly stopping = new AbortController();
  private polling: Promise<void> = Promise.resolve();
  private isReachable = true;

  constructor(
    private readonly locks: PostgresLocks,
    private readonly db: QueryExecutorProvider,
  ) {}

  /**
   * Work that starts whenever this replica becomes its leader. `name` is also the name of its checkpoint, if it has
   * one.
   */
  nominate(name: string, start: () => BackgroundWork | Promise<BackgroundWork>): BackgroundWork {
    const candidacy = new Candidacy(name, start, () => findCheckpoint(this.db, name));
    this.candidacies.push(candidacy);
    return candidacy;
  }

  /** Starts polling; does not wait for the database. */
  begin(): void {
    this.polling = this.poll();
  }

  /** After this no work is started any more. */
  async stopPolling(): Promise<void> {
    this.stopping.abort();
    await this.polling;
  }

  /** Releases the leaderships, so that other replicas take over at once. */
  end(): void {
    this.locks.release();
  }

  private async poll(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const won = await this.locks.take(this.candidacies.filter(({ isLeader }) => !isLeader).map(({ name }) => name));
        this.isReachable = true;
        for (const candidacy of this.candidacies) {
          if (won.includes(candidacy.name)) candidacy.isLeader = true;
          await candidacy.proceed();
        }
      } catch (error) {
        if (this.isReachable)
          this.logger.warn(`lost the database, background work waits for it: ${errorMessage(error)}`);
        this.isReachable = false;
        await Promise.all(this.candidacies.map((candidacy) => candidacy.resign(errorMessage(error))));
      }
      await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A piece of work, whether this replica or another one runs it. */
class Candidacy implements BackgroundWork {
  isLeader = false;
  private work: BackgroundWork | undefined;
  private error: string | undefined;

  constructor(
    readonly name: string,
    private readonly start: () => BackgroundWork | Promise<BackgroundWork>,
    private readonly checkpoint: () => Promise<bigint | undefined>,
  ) {}

  async proceed(): Promise<void> {
    try {
      if (this.isLeader) this.work ??= await this.start();
      this.error = undefined;
    } catch (error) {
      this.error = errorMessage(error);
    }
  }

  async resign(reason: string): Promise<void> {
    this.error = reason;
    this.isLeader = false;
    await this.stop().catch((error: unknown) => (this.error = errorMessage(error)));
  }

  async stop(): Promise<void> {
    const { work } = this;
    this.work = undefined;
    await work?.stop();
  }

  /** Another replica runs it. */
  isStandby(): boolean {
    return !this.isLeader && this.error === undefined;
  }

  lastError(): string | undefined {
    return this.work?.lastError?.() ?? this.error;
  }

  /** Where another replica runs the work, its checkpoint tells the position, at most a second old. */
  get position(): BackgroundWork['position'] {
    const { work } = this;
    return work === undefined ? this.checkpoint : work.position?.bind(work);
  }

  get lag(): BackgroundWork['lag'] {
    return this.work?.lag?.bind(this.work);
  }
}

/** Null for the embedded database, which one process uses alone. */
export async function openLeaderElection(
  { database }: Pick<RuntimeConfig, 'database'>,
  db: QueryExecutorProvider,
): Promise<LeaderElection | null> {
  if (database === EMBEDDED) return null;
  const { PostgresLocks } = await import('@tantieme/event-sourcing/process/postgres-locks');
  return new LeaderElection(new PostgresLocks(database), db);
}
