/**
 * A runtime whose states share a budget of memory. While there is room, streams are in memory as a whole; beyond it, those that were not
 * touched for the longest time keep a tail: what the next command in order needs. The runtime's own cache would drop a stream altogether,
 * and read thousands of events for the next command of it.
 */
import type { EventStore } from '@tantieme/event-store/event-store';

import type { Decider, DomainEvent } from './decider.js';
import { createRuntime } from './runtime.js';
import type { Handled, Refused, Runtime, Work } from './runtime.js';
import { needsHistory } from './partial-state.js';
import type { PartialStates } from './partial-state.js';

/** Streams that are read as a whole in one go: they may be large. */
const WHOLE_STREAMS_AT_ONCE = 20;

/**
 * As {@link createRuntime}, but that commands for which a tail is not enough are decided after the others of their stream, once it was
 * read as a whole; so only for deciders whose conclusions do not depend on the order. `load` gives whole states.
 *
 * @param options.wholeBytesMax bytes of whole states and grown tails, as the decider's `sizeOf` tells them.
 * @param options.tailBytes what a tail takes, roughly.
 * @param options.tailsBytesMax bytes of tails, and of states that cannot be one: how many streams are in memory at all.
 */
export function createPartialStateRuntime<State extends object, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly tails: PartialStates<State>;
  readonly wholeBytesMax: number;
  readonly tailBytes: number;
  readonly tailsBytesMax: number;
}): Runtime<State, Command, Event> {
  type Result = Handled<State, Event> | Refused;
  const { store, decider, tails, wholeBytesMax, tailBytes, tailsBytesMax: cacheBytesMax } = options;
  /** Whole states and grown tails, those touched last at the end, with their bytes. */
  const touched = new Map<State, number>();
  let touchedBytes = 0;

  const runtime = createRuntime({
    store,
    cacheBytesMax,
    decider: {
      ...decider,
      // The runtime asks for the size whenever it puts a state away: the one moment at which nobody works on it.
      sizeOf: (state) => {
        const bytes = decider.sizeOf?.(state) ?? 0;
        forget(state);
        const isCounted = tails.isTail(state) ? tails.hasGrown(state) : tails.canBeTail(state);
        if (isCounted) {
          touched.set(state, bytes);
          touchedBytes += bytes;
        }
        makeRoom(state);
        // What can be made smaller is the business of the budget here, all else that of the runtime's own cache.
        return isCounted ? Math.min(bytes, tailBytes) : bytes;
      },
    },
  });

  /** The state is no longer in memory, or not as it was. */
  function forget(state: State): void {
    touchedBytes -= touched.get(state) ?? 0;
    touched.delete(state);
  }

  /** @param newest stays whole, however large it is: whoever has just asked for it reads it yet. */
  function makeRoom(newest: State): void {
    for (const state of touched.keys()) {
      if (touchedBytes <= wholeBytesMax) return;
      if (state === newest) continue;
      // A call that has this state in hand decides on it at once, or is refused and reads the stream as a whole.
      forget(state);
      if (tails.isTail(state) || tails.canBeTail(state)) tails.keepTail(state);
    }
  }

  /** The next one who asks for the stream has it read as a whole. */
  async function dropTail(stream: string): Promise<void> {
    const { state } = await runtime.load(stream);
    if (!tails.isTail(state)) return;
    forget(state);
    await runtime.forget(stream);
  }

  async function handleMany(work: readonly Work<Command>[]): Promise<readonly Result[]> {
    const results = [...(await runtime.handleMany(work))];
    for (;;) {
      const again = work.flatMap((one, place) => (isRefused(results[place]) ? [{ one, place }] : []));
      if (again.length === 0) return results;
      const streams = [...Map.groupBy(again, ({ one }) => one.stream)];
      for (let from = 0; from < streams.length; from += WHOLE_STREAMS_AT_ONCE) {
        const some = streams.slice(from, from + WHOLE_STREAMS_AT_ONCE);
        for (const [stream] of some) await dropTail(stream);
        const places = some.flatMap(([, ofStream]) => ofStream);
        const decided = await runtime.handleMany(places.map(({ one }) => one));
        for (const [index, { place }] of places.entries()) {
          const result = decided[index];
          if (result !== undefined) results[place] = result;
        }
      }
    }
  }

  return {
    handleMany,
    async handle(stream, command, context) {
      const [result] = await handleMany([{ stream, command, context }]);
      if (result === undefined) throw new Error(`nothing became of a command for ${stream}`);
      if (result.outcome === 'refused') throw result.error;
      return result;
    },
    async load(stream) {
      for (;;) {
        const loaded = await runtime.load(stream);
        if (!tails.isTail(loaded.state)) return loaded;
        await dropTail(stream);
      }
    },
    forget: (stream) => runtime.forget(stream),
  };
}

function isRefused(result: { readonly outcome: 'handled' } | Refused | undefined): boolean {
  return result?.outcome === 'refused' && needsHistory(result.error);
}
