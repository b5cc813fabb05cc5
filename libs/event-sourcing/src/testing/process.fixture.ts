/** Runs one process alone, for specs. */
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import type { Broker } from '@tantieme/messaging/broker';
import type { TopicView } from '@tantieme/messaging/embedded/topic-view';
import { systemTimers } from '@tantieme/time/timers';
import type { Timers } from '@tantieme/time/timers';

import type { ProcessStatus } from '../process/knowledge.js';
import type { Process } from '../process/process.js';
import { Scheduler } from '../process/scheduler.js';
import type { Leadership } from '../process/scheduler.js';
import type { AnyDatabase } from '../read-model/migrations.js';

const WAIT_MS_MAX = 20_000;
const LOOK_MS = 5;

export interface RunningProcess {
  readonly scheduler: Scheduler;
  status(): ProcessStatus;
  /** Waits until the process has handled the log up to a position. */
  waitFor(position: Position): Promise<void>;
  stop(): Promise<void>;
}

export function startProcess<Item>(
  process: Process<Item>,
  options: {
    readonly store: EventStore;
    readonly db: AnyDatabase;
    readonly broker?: Broker | undefined;
    readonly views?: ReadonlyMap<string, TopicView> | undefined;
    readonly leadership?: Leadership | undefined;
    readonly timers?: Timers | undefined;
    /** Processes that run beside it. */
    readonly others?: readonly Process<StoredEvent>[] | undefined;
    readonly onError?: ((error: unknown) => void) | undefined;
  },
): RunningProcess {
  const { store, db, views = new Map<string, TopicView>(), timers = systemTimers, onError } = options;
  const broker = options.broker ?? openEmbeddedBroker(':memory:', { views });
  const scheduler = new Scheduler({
    store,
    broker,
    db,
    views,
    timers,
    leadership: options.leadership,
    onError: (_process, error) => onError?.(error),
  });
  for (const other of options.others ?? []) scheduler.add(other);
  scheduler.add(process);
  scheduler.start();
  const status = (): ProcessStatus => {
    const found = scheduler.status().find(({ name }) => name === process.name);
    if (found === undefined) throw new Error(`${process.name} does not run`);
    return found;
  };
  return {
    scheduler,
    status,
    waitFor: async (position) => {
      const untilMs = Date.now() + WAIT_MS_MAX;
      while ((status().position ?? -1n) < position) {
        if (Date.now() > untilMs) throw new Error(`${process.name} did not reach ${position}: ${status().lastError}`);
        await systemTimers.wait(LOOK_MS);
      }
    },
    stop: async () => {
      await scheduler.stop();
      if (options.broker === undefined) await broker.close();
    },
  };
}
