/**
 * Keeps the earning states of a process within a budget. While there is room, streams are in memory as a whole; beyond it,
 * those that were not touched for the longest time keep their newest deals only, which is what the next deal in order
 * needs. The runtime's own cache would drop a stream altogether, and read thousands of events for the next deal of it.
 */
import type { Decider } from '@tantieme/event-sourcing/decider';
import { keepTail } from './domain/earning.js';
import type { EarningCommand, EarningEvent, EarningState } from './domain/earning.js';

/** Lines that a tail keeps: what arrives out of order by some batches is still in it. */
const TAIL_LINES = 16;

/** A tail that has grown to this many lines is made one again where there is no room. */
const TAIL_LINES_MAX = 48;

/** What a tail takes in memory, roughly. */
const TAIL_BYTES = 25_000;

export class EarningMemory {
  /** Whole states and grown tails, those touched last at the end, with their bytes. */
  private readonly touched = new Map<EarningState, number>();
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** The decider as the runtime is to run it: every state put away counts against the budget. */
  decider(
    decider: Decider<EarningState, EarningCommand, EarningEvent>,
  ): Decider<EarningState, EarningCommand, EarningEvent> {
    return {
      ...decider,
      // The runtime asks for the size whenever it puts a state away: the one moment at which nobody works on it.
      sizeOf: (state) => {
        const bytes = decider.sizeOf?.(state) ?? 0;
        this.touch(state, bytes);
        this.makeRoom(state);
        // Whole states are this budget's business; the runtime bounds how many streams are in memory at all.
        return Math.min(bytes, TAIL_BYTES);
      },
    };
  }

  private touch(state: EarningState, bytes: number): void {
    this.forget(state);
    if (state.tail !== undefined && state.engine.lineCount <= TAIL_LINES_MAX) return;
    this.touched.set(state, bytes);
    this.bytes += bytes;
  }

  /** The state is no longer in memory. */
  forget(state: EarningState): void {
    this.bytes -= this.touched.get(state) ?? 0;
    this.touched.delete(state);
  }

  /** @param newest stays whole, however large it is: whoever has just asked for it reads it yet. */
  private makeRoom(newest: EarningState): void {
    for (const state of this.touched.keys()) {
      if (this.bytes <= this.bytesMax) return;
      if (state === newest) continue;
      // A call that has this state in hand decides on it at once, or is refused and reads the stream as a whole.
      this.forget(state);
      keepTail(state, TAIL_LINES);
    }
  }
}
