/** Whether the things that a process needs can be reached: they are asked themselves, and not more often than once a second. */
import { setTimeout as pause } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';
import { TOPICS } from '@tantieme/contracts/topics';
import { errorMessage } from '@tantieme/event-sourcing/process/running-process';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { BROKER, DATABASE, EVENT_STORE } from '../runtime/runtime-tokens.js';

/** How long an answer counts. */
const FRESH_MS = 1_000;

/** How long whoever asks is kept waiting: a host that does not answer may take minutes until its client gives up. */
const WAIT_MS_MAX = 2_000;

export type PortState = { readonly reachable: true } | { readonly reachable: false; readonly reason: string };

/** The things, by the names that answers have for them. */
export interface ReachabilityReport {
  readonly eventStore: PortState;
  readonly broker: PortState;
  readonly database: PortState;
}

@Injectable()
export class Reachability {
  private readonly eventStore: Probe;
  private readonly broker: Probe;
  private readonly database: Probe;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(BROKER) broker: Broker,
    @Inject(DATABASE) database: Kysely<Record<string, Record<string, unknown>>>,
  ) {
    this.eventStore = new Probe(() => store.head());
    this.broker = new Probe(() => broker.endPositions(TOPICS.deals));
    this.database = new Probe(() => sql`select 1`.execute(database));
  }

  /** Answers within some two seconds, whatever is away. */
  async look(): Promise<ReachabilityReport> {
    const [eventStore, broker, database] = await Promise.all([
      this.eventStore.look(),
      this.broker.look(),
      this.database.look(),
    ]);
    return { eventStore, broker, database };
  }
}

class Probe {
  private last: PortState | undefined;
  private askedAt = -Infinity;
  private answeredAt = -Infinity;
  /** There while an answer is waited for: nothing is asked twice at a time. */
  private asking: Promise<PortState> | undefined;

  constructor(private readonly ask: () => Promise<unknown>) {}

  async look(): Promise<PortState> {
    if (this.asking === undefined && this.last !== undefined && performance.now() - this.answeredAt < FRESH_MS)
      return this.last;
    this.asking ??= this.begin();
    const ended = new AbortController();
    const leftMs = Math.max(0, this.askedAt + WAIT_MS_MAX - performance.now());
    const late = pause(leftMs, undefined, { signal: ended.signal }).then(
      () => this.unanswered(),
      () => this.unanswered(),
    );
    return Promise.race([this.asking, late]).finally(() => ended.abort());
  }

  private async begin(): Promise<PortState> {
    this.askedAt = performance.now();
    this.last = await this.ask().then(
      (): PortState => ({ reachable: true }),
      (error: unknown): PortState => ({ reachable: false, reason: errorMessage(error) }),
    );
    this.answeredAt = performance.now();
    this.asking = undefined;
    return this.last;
  }

  /** Why it was away the last time is more telling than that it still has not answered. */
  private unanswered(): PortState {
    if (this.last?.reachable === false) return this.last;
    return { reachable: false, reason: `no answer within ${WAIT_MS_MAX / 1000} s` };
  }
}
