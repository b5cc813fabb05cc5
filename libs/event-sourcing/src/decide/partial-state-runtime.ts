/**
 * A runtime whose states share a memory budget (ADR 18). Streams stay in memory in full while there is room. Beyond
 * that, the least recently used are cut down to a partial state: what the next command in order needs. The runtime's
 * own cache would evict such a stream, and its next command would read thousands of events.
 */
import type { EventStore } from '@tantieme/event-store/event-store';

import { scaledBytes } from './cache-scale.js';
import type { Decider, DomainEvent } from './decider.js';
import { createRuntime } from './runtime.js';
import type { Accepted, Loaded, MessagesOf, Refused, Runtime, Work } from './runtime.js';
import { requiresFullState } from './partial-state.js';
import type { PartialStates } from './partial-state.js';

/** Streams read in full by one call: they may be large. */
const FULL_STREAMS_AT_ONCE = 20;

/**
 * Like {@link createRuntime}, with one difference: commands that need the full state are decided after the other
 * commands of their stream, once the stream has been read. Use it only for deciders whose conclusions do not depend on
 * that order. `load` always returns full states.
 *
 * @param options.fullStateBytesMax bytes of full states and of grown partial states, as measured by `decider.sizeOf`.
 * @param options.partialStateBytes approximate bytes of one partial state.
 * @param options.cacheBytesMax bytes of partial states and of states that cannot become partial; limits how many
 * streams are in memory at all.
 */
export function createPartialStateRuntime<State extends object, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly partialStates: PartialStates<State>;
  readonly fullStateBytesMax: number;
  readonly partialStateBytes: number;
  readonly cacheBytesMax: number;
  readonly messagesOf?: MessagesOf | undefined;
}): Runtime<State, Command, Event> {
  type Result = Accepted<State, Event> | Refused;
  const { store, decider, partialStates, fullStateBytesMax, partialStateBytes, cacheBytesMax } = options;
  const { isPartial, canBecomePartial, hasGrown, makePartial } = partialStates;
  /** Bytes of each state that can be cut down, least recently used first. */
  const reducible = new Map<State, number>();
  let reducibleBytes = 0;

  const runtime = createRuntime({
    store,
    cacheBytesMax,
    messagesOf: options.messagesOf,
    decider: {
      ...decider,
      // The runtime measures a state when it puts it back into the cache: the one moment at which nobody uses it.
      sizeOf: (state) => {
        const bytes = decider.sizeOf?.(state) ?? 0;
        untrack(state);
        const isReducible = isPartial(state) ? hasGrown(state) : canBecomePartial(state);
        if (isReducible) {
          reducible.set(state, bytes);
          reducibleBytes += bytes;
        }
        makeRoom(state);
        // The budget here covers what can be cut down; the runtime's own cache limits the rest.
        return isReducible ? Math.min(bytes, partialStateBytes) : bytes;
      },
    },
  });

  /** For a state that has been evicted, or is about to change size. */
  function untrack(state: State): void {
    reducibleBytes -= reducible.get(state) ?? 0;
    reducible.delete(state);
  }

  /** @param newest stays full, however large it is: its caller still reads it. */
  function makeRoom(newest: State): void {
    for (const state of reducible.keys()) {
      if (reducibleBytes <= scaledBytes(fullStateBytesMax)) return;
      if (state === newest) continue;
      // A call that uses this state decides on it at once, or is refused and reads the stream in full.
      untrack(state);
      if (isPartial(state) || canBecomePartial(state)) makePartial(state);
    }
  }

  /** Makes the next call read the stream in full. */
  async function evictPartial(stream: string): Promise<void> {
    const { state } = await runtime.load(stream);
    if (!isPartial(state)) return;
    untrack(state);
    await runtime.evict(stream);
  }

  async function handleMany(work: readonly Work<Command>[]): Promise<readonly Result[]> {
    const results = [...(await runtime.handleMany(work))];
    for (;;) {
      const again = work.flatMap((one, place) => (needsFullState(results[place]) ? [{ one, place }] : []));
      if (again.length === 0) return results;
      const streams = [...Map.groupBy(again, ({ one }) => one.stream)];
      for (let from = 0; from < streams.length; from += FULL_STREAMS_AT_ONCE) {
        const some = streams.slice(from, from + FULL_STREAMS_AT_ONCE);
        for (const [stream] of some) await evictPartial(stream);
        const places = some.flatMap(([, ofStream]) => ofStream);
        const decided = await runtime.handleMany(places.map(({ one }) => one));
        for (const [index, { place }] of places.entries()) {
          const result = decided[index];
          if (result !== undefined) results[place] = result;
        }
      }
    }
  }

  async function load(stream: string): Promise<Loaded<State>> {
    for (;;) {
      const loaded = await runtime.load(stream);
      if (!isPartial(loaded.state)) return loaded;
      await evictPartial(stream);
    }
  }

  return {
    handleMany,
    async handle(stream, command, context) {
      const [result] = await handleMany([{ stream, command, context }]);
      if (result === undefined) throw new Error(`a command for ${stream} has no result`);
      if (result.outcome === 'refused') throw result.error;
      return result;
    },
    load,
    read: async (stream, use) => use((await load(stream)).state),
    evict: (stream) => runtime.evict(stream),
  };
}

function needsFullState(result: { readonly outcome: 'accepted' } | Refused | undefined): boolean {
  return result?.outcome === 'refused' && requiresFullState(result.error);
}
