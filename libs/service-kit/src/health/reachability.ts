/** Probes whether event store, broker and database can be reached, each at most once a second. */
import { Inject, Injectable } from '@nestjs/common';
import { TOPICS } from '@tantieme/contracts/topics';
import { errorMessage } from '@tantieme/event-sourcing/process/errors';
import type { EventStore } from '@tantieme/event-store/event-store';
import { systemTimers } from '@tantieme/time/timers';
import type { Broker } from '@tantieme/messaging/broker';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { RuntimeConfig } from '../runtime/config.js';
import { requireDiskSpace } from '../runtime/disk-space.js';
import { BROKER, CONFIG, DATABASE, EVENT_STORE } from '../runtime/runtime-tokens.js';

/** How long an answer is reused. */
const FRESH_MS = 1_000;

/** When a probe counts as unanswered: a host that does not answer may take minutes until its client gives up. */
const ANSWER_MS_MAX = 2_000;

/** How long a caller waits for the very first answer. */
const FIRST_WAIT_MS = 80;

export type PortState = { readonly reachable: true } | { readonly reachable: false; readonly reason: string };

/** The state of each port, by its name in answers. */
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
    @Inject(CONFIG) config: RuntimeConfig,
  ) {
    this.eventStore = new Probe(async () => {
      await requireDiskSpace(config);
      await store.head();
    });
    this.broker = new Probe(() => broker.endPositions(TOPICS.deals));
    this.database = new Probe(() => sql`select 1`.execute(database));
  }

  /** Answers from what is known, and looks again in the background. */
  async check(): Promise<ReachabilityReport> {
    const [eventStore, broker, database] = await Promise.all([
      this.eventStore.check(),
      this.broker.check(),
      this.database.check(),
    ]);
    return { eventStore, broker, database };
  }
}

class Probe {
  private last: PortState | undefined;
  private startedAt = -Infinity;
  private answeredAt = -Infinity;
  /** Set while a probe is running: there is only one at a time. */
  private running: Promise<PortState> | undefined;

  constructor(private readonly probe: () => Promise<unknown>) {}

  async check(): Promise<PortState> {
    const nowMs = performance.now();
    if (this.running === undefined && nowMs - this.answeredAt >= FRESH_MS) this.running = this.begin();
    if (this.last !== undefined && (this.running === undefined || nowMs - this.startedAt < ANSWER_MS_MAX))
      return this.last;
    const ended = new AbortController();
    const late = systemTimers.wait(FIRST_WAIT_MS, ended.signal).then(() => this.unanswered());
    return Promise.race([this.running ?? late, late]).finally(() => ended.abort());
  }

  private async begin(): Promise<PortState> {
    this.startedAt = performance.now();
    this.last = await this.probe().then(
      (): PortState => ({ reachable: true }),
      (error: unknown): PortState => ({ reachable: false, reason: errorMessage(error) }),
    );
    this.answeredAt = performance.now();
    this.running = undefined;
    return this.last;
  }

  /** The reason of the last failure says more than that there is no answer yet. */
  private unanswered(): PortState {
    if (this.last?.reachable === false) return this.last;
    const waitedMs = Math.round(performance.now() - this.startedAt);
    return { reachable: false, reason: `no answer within ${waitedMs} ms` };
  }
}
