import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** Values of a metrics registry, as a thread sends them to the thread with the API. */
export type MetricsJson = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Background work: a projection, follower, relay or consumer of `@tantieme/event-sourcing` fits. */
export interface BackgroundWork {
  /** Finishes the current step and ends. */
  stop(): Promise<void>;
  /** Its position in the global order of the event store; undefined where this process cannot tell. */
  position?: (() => Promise<bigint | undefined>) | undefined;
  /** How many messages are left, for work that does not follow the event store. */
  lag?: (() => Promise<bigint>) | undefined;
  /** Why it is failing; undefined while it makes progress. */
  lastError?(): string | undefined;
  /** The work of a thread, reported in place of the thread. */
  parts?(): Promise<readonly WorkStatus[]>;
  /** The metrics of that thread. */
  metrics?(): Promise<MetricsJson>;
  /** Names of failing parts; calls neither event store nor broker. */
  failingParts?(): Promise<readonly string[]>;
  /** True while another replica runs it and this one is ready to take over. */
  isStandby?(): boolean;
}

export interface WorkStatus {
  readonly name: string;
  readonly running: boolean;
  /** Another replica runs it; this one takes over when that one ends. */
  readonly standby?: true;
  /** Position in the global order, as decimal text. */
  readonly position?: string;
  /** Events or messages left, as decimal text. */
  readonly lag?: string;
  readonly lastError?: string;
}
