import type { RunningProcess } from '@tantieme/event-sourcing/process/running-process';
import type { EventStore } from '@tantieme/event-store/event-store';

/** Events that a reader of the log may lag before appends wait for it. */
const LAG_EVENTS_MAX = 4000n;

/** Longest wait per batch and reader: a reader that is stuck holds nobody up for good. */
const WAIT_MS_MAX = 500;

/**
 * Slows appends down to the pace of those who read the log. Events that are read shortly after their append are still
 * in memory and parsed once for all readers; a backlog is read, parsed and collected again. Readers in other replicas
 * do not count.
 */
export class Backpressure {
  constructor(
    private readonly store: EventStore,
    private readonly readers: () => Iterable<RunningProcess>,
  ) {}

  async waitForReaders(): Promise<void> {
    const goal = (await this.store.head()) - LAG_EVENTS_MAX;
    if (goal <= 0n) return;
    for (const reader of this.readers()) {
      if ((await reader.position()) >= goal) continue;
      try {
        await reader.waitFor(goal, AbortSignal.timeout(WAIT_MS_MAX));
      } catch {
        // The reader is too slow, failing or stopped. Go on: only throughput suffers.
      }
    }
  }
}
