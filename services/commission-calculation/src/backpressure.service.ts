/**
 * Keeps the stages of the pipeline in step: who appends waits for those who read what was appended. What is read shortly after is
 * still in memory, and parsed once for all readers; what has piled up is read, parsed and collected again. Readers in other replicas
 * are none of these.
 */
import type { RunningProcess } from '@tantieme/event-sourcing/process/running-process';
import type { EventStore } from '@tantieme/event-store/event-store';

/** Events that a reader of the log may be behind before those who append wait for it. */
const BEHIND_MAX = 4000n;

/** How long a batch waits at the most: a reader that does not get on holds nobody up for good. */
const WAIT_MS_MAX = 500;

export class Backpressure {
  constructor(
    private readonly store: EventStore,
    private readonly readers: () => Iterable<RunningProcess>,
  ) {}

  async keep(): Promise<void> {
    const goal = (await this.store.head()) - BEHIND_MAX;
    if (goal <= 0n) return;
    for (const reader of this.readers()) {
      if ((await reader.position()) >= goal) continue;
      try {
        await reader.waitFor(goal, AbortSignal.timeout(WAIT_MS_MAX));
      } catch {
        // Too slow, failing, or stopped: pace is all that is lost.
      }
    }
  }
}
