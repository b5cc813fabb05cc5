import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** What a registry of metrics holds, as a thread gives it to the one that has the API. */
export type MetricsJson = readonly MetricObjectWithValues<MetricValue<string>>[];

/** What runs in the background: a projection, follower, relay or processor of `@tantieme/event-sourcing` fits. */
export interface BackgroundWork {
  /** Finishes what is in hand and ends. */
  stop(): Promise<void>;
  /** How far it has come in the global order of the event store; undefined where nobody here knows. */
  position?: (() => Promise<bigint | undefined>) | undefined;
  /** How much is left to do, for work that does not follow the event store. */
  lag?: (() => Promise<bigint>) | undefined;
  /** Why it does not get on at the moment. */
  lastError?(): string | undefined;
  /** Works that run somewhere else in the process, and are told in its place: those of a thread. */
  parts?(): Promise<readonly WorkStatus[]>;
  /** What those works have counted. */
  metrics?(): Promise<MetricsJson>;
  /** Names of those of its parts that do not get on at the moment; asks nothing of event store or broker. */
  failingParts?(): Promise<readonly string[]>;
  /** True while another replica does it, and this one is ready to take over. */
  standsBy?(): boolean;
}

export interface WorkStatus {
  readonly name: string;
  readonly running: boolean;
  /** Another replica does it; this one takes over when that ends. */
  readonly standby?: true;
  /** Positions in the global order, as decimal text. */
  readonly position?: string;
  /** Events (or messages) that are left to do, as decimal text. */
  readonly lag?: string;
  readonly lastError?: string;
}
