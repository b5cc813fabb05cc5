import { setTimeout as pause } from 'node:timers/promises';

import { categoryOf, EventTooLarge } from '@tantieme/event-store/event-store';
import type {
  AppendResult,
  EventMetadata,
  EventStore,
  ExpectedRevision,
  NewEvent,
  StoredEvent,
} from '@tantieme/event-store/event-store';
import { LRUCache } from 'lru-cache';

import { DomainError } from './decider.js';
import type { Decider, DomainEvent } from './decider.js';
import { eventId } from './identity.js';
import { createStreamTurns } from './stream-turns.js';
import { domainEventOf } from './upcasting.js';

export { domainEventOf } from './upcasting.js';

/** Bytes of states kept in memory, where nothing else is said. */
const CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** What an entry of the cache takes beside its state and its stream's name, in bytes, roughly. */
const ENTRY_BYTES = 200;

/** How often a command is decided anew because another process wrote to its stream, before the call fails. */
const CONFLICTS_MAX = 10;

/** The longest pause after a conflict, in milliseconds; it is drawn, so that two writers do not meet again. */
const CONFLICT_PAUSE_MS_MAX = 100;

export interface CommandContext {
  /** Who causes it: the subject of a token, or `service:<name>` for a processor. */
  readonly actor: string;
  readonly correlationId: string;
  /** The id of the event or message that this one answers, if there is one. */
  readonly causationId?: string;
  /** What makes this command the same when it comes again: the message's id, the request's key. Event ids are computed from it. */
  readonly cause: string;
}

export interface Work<Command> {
  readonly stream: string;
  readonly command: Command;
  readonly context: CommandContext;
}

export interface Handled<State, Event extends DomainEvent> {
  readonly outcome: 'handled';
  readonly stream: string;
  /** Of the stream after this command. */
  readonly revision: ExpectedRevision;
  /** What this command appended; empty where it means nothing new. */
  readonly stored: readonly StoredEvent[];
  readonly events: readonly Event[];
  /** After this command, or (as `evolve` may reuse a state) after a later one: to be read before anything else is handled. */
  readonly state: State;
}

export interface Refused {
  readonly outcome: 'refused';
  readonly stream: string;
  readonly error: DomainError;
}

export interface Loaded<State> {
  /** To be read before anything else is handled, as `evolve` may reuse it; never to be changed. */
  readonly state: State;
  readonly revision: ExpectedRevision;
}

export interface Runtime<State, Command, Event extends DomainEvent> {
  /** @throws {DomainError} where the decider refuses. @throws {ConflictUnresolved} */
  handle(stream: string, command: Command, context: CommandContext): Promise<Handled<State, Event>>;
  /**
   * Decides each command by itself, those of one stream in the given order, and appends all at once. The results are in
   * the order of the work. A refusal concerns its command only.
   *
   * Streams are atomic each, not together: where this throws, some may be written, and the same work comes again.
   * @throws {ConflictUnresolved}
   */
  handleMany(work: readonly Work<Command>[]): Promise<readonly (Handled<State, Event> | Refused)[]>;
  /** The state now. */
  load(stream: string): Promise<Loaded<State>>;
}

/** Another process wrote to the stream each time that a command was decided. */
export class ConflictUnresolved extends Error {
  readonly code = 'ConflictUnresolved';
  constructor(
    readonly stream: string,
    readonly attempts: number,
  ) {
    super(`${stream} was written by somebody else at each of ${attempts} attempts`);
  }
}

interface Entry<State> {
  state: State;
  revision: ExpectedRevision;
  /** Characters of the events behind the state: what it takes at the most, where the decider does not tell. */
  characters: number;
}

/** The work on one stream. */
interface Group {
  readonly stream: string;
  /** Places in the call's work, in order. */
  readonly places: readonly number[];
  /** How many of them have a result. */
  done: number;
  conflicts: number;
}

interface Decision<State, Event> {
  readonly place: number;
  readonly decided: readonly Event[] | DomainError;
  readonly state: State;
}

/** What one round decided for a group. */
interface Draft<State, Event> {
  readonly group: Group;
  readonly entry: Entry<State>;
  /** True where the state was in memory already: it may be old, which only an append would tell. */
  readonly remembered: boolean;
  readonly decisions: readonly Decision<State, Event>[];
  readonly events: readonly NewEvent[];
}

/**
 * Runs a decider over the store: load or take from memory, decide, append under the expected revision, and again where
 * somebody else was faster.
 *
 * @param cacheBytesMax bytes of states kept in memory, as the decider's `sizeOf` tells them.
 */
export function createRuntime<State, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly cacheBytesMax?: number;
}): Runtime<State, Command, Event> {
  const { store, decider, cacheBytesMax = CACHE_BYTES_MAX } = options;
  type Result = Handled<State, Event> | Refused;

  const cache = new LRUCache<string, Entry<State>>({ maxSize: cacheBytesMax });
  const inTurn = createStreamTurns();

  function remember(stream: string, entry: Entry<State>): void {
    const stateBytes = decider.sizeOf?.(entry.state) ?? entry.characters;
    cache.set(stream, entry, { size: Math.ceil(stateBytes) + ENTRY_BYTES + stream.length });
  }

  /** Out of the cache while it is worked on: `evolve` may change it, and an append that fails leaves it beyond the store. */
  function take(stream: string): Entry<State> | undefined {
    const entry = cache.get(stream);
    if (entry !== undefined) cache.delete(stream);
    return entry;
  }

  function evolveStored(entry: Entry<State>, events: readonly StoredEvent[]): void {
    for (const stored of events) {
      entry.state = decider.evolve(entry.state, domainEventOf<Event>(stored, decider));
      entry.revision = stored.revision;
      entry.characters += stored.dataText.length;
    }
  }

  function entryOf(events: readonly StoredEvent[]): Entry<State> {
    const entry: Entry<State> = { state: decider.initialState(), revision: 'no-stream', characters: 0 };
    evolveStored(entry, events);
    return entry;
  }

  /** Brings a remembered state up to date. @returns true where it already was. */
  async function refresh(stream: string, entry: Entry<State>): Promise<boolean> {
    const news = await store.readStream(stream, { from: nextRevision(entry.revision) });
    evolveStored(entry, news);
    return news.length === 0;
  }

  function decideGroup(
    group: Group,
    entry: Entry<State>,
    remembered: boolean,
    work: readonly Work<Command>[],
    commandsMax: number,
  ): Draft<State, Event> {
    const decisions: Decision<State, Event>[] = [];
    const events: NewEvent[] = [];
    const firstRevision = nextRevision(entry.revision);
    for (const place of group.places.slice(group.done, group.done + commandsMax)) {
      const { command, context } = at(work, place);
      const decided = decideOrRefuse(decider, command, entry.state);
      if (!(decided instanceof DomainError) && decided.length > 0) {
        const metadata = metadataOf(context);
        for (const event of decided) {
          const { type, version, occurredAt, data } = event;
          const id = eventId(group.stream, context.cause, firstRevision + events.length);
          events.push({ id, type, version, occurredAt, metadata, data });
          entry.state = decider.evolve(entry.state, event);
        }
      }
      decisions.push({ place, decided, state: entry.state });
    }
    return { group, entry, remembered, decisions, events };
  }

  /** Results of a draft that holds: what it appended is in the store, or it appended nothing to a state that was current. */
  function settle(draft: Draft<State, Event>, stored: readonly StoredEvent[], results: (Result | undefined)[]): void {
    const { group, entry } = draft;
    let from = 0;
    let revision = entry.revision;
    for (const { place, decided, state } of draft.decisions) {
      if (decided instanceof DomainError) {
        results[place] = { outcome: 'refused', stream: group.stream, error: decided };
        continue;
      }
      const own = stored.slice(from, from + decided.length);
      from += decided.length;
      revision = own.at(-1)?.revision ?? revision;
      results[place] = { outcome: 'handled', stream: group.stream, revision, stored: own, events: decided, state };
    }
    entry.revision = revision;
    for (const { dataText } of stored) entry.characters += dataText.length;
    group.done += draft.decisions.length;
  }

  async function handleInTurn(
    groups: readonly Group[],
    work: readonly Work<Command>[],
  ): Promise<(Result | undefined)[]> {
    const results = new Array<Result | undefined>(work.length).fill(undefined);
    /** Lowered where what one stream appends at once is more than a store takes. */
    let commandsMax = Number.POSITIVE_INFINITY;
    let pending = groups;
    /** States read in this call: current enough to decide on without an append. */
    const read = new Map<string, Entry<State>>();
    while (pending.length > 0) {
      const remembered = new Map<string, Entry<State>>();
      const missing: string[] = [];
      for (const { stream } of pending) {
        if (read.has(stream)) continue;
        const entry = take(stream);
        if (entry === undefined) missing.push(stream);
        else remembered.set(stream, entry);
      }
      if (missing.length > 0) {
        const streams = await store.readStreams(missing);
        for (const stream of missing) read.set(stream, entryOf(streams.get(stream) ?? []));
      }
      const drafts = pending.map((group) => {
        const entry = read.get(group.stream);
        if (entry !== undefined) return decideGroup(group, entry, false, work, commandsMax);
        return decideGroup(group, required(remembered.get(group.stream)), true, work, commandsMax);
      });
      const writing = drafts.filter((draft) => draft.events.length > 0);
      let appended: readonly AppendResult[];
      try {
        appended = await store.appendMany(
          writing.map(({ group, entry, events }) => ({
            stream: group.stream,
            expectedRevision: entry.revision,
            events,
          })),
        );
      } catch (error) {
        if (!(error instanceof EventTooLarge)) throw error;
        const large = required(writing.find((draft) => draft.group.stream === error.stream));
        commandsMax = Math.ceil(large.decisions.length / 2);
        if (large.decisions.length === 1) {
          results[at(large.decisions, 0).place] = tooLarge(error);
          large.group.done += 1;
        }
        // All states are ahead of the store now.
        read.clear();
        pending = pending.filter(isUnfinished);
        continue;
      }
      let conflicts = 0;
      for (const [index, result] of appended.entries()) {
        const draft = at(writing, index);
        const { group, entry } = draft;
        if (result.outcome === 'conflict') {
          conflicts = Math.max(conflicts, (group.conflicts += 1));
          if (group.conflicts > CONFLICTS_MAX) throw new ConflictUnresolved(group.stream, group.conflicts);
          read.delete(group.stream);
          continue;
        }
        settle(draft, result.events, results);
        read.set(group.stream, entry);
      }
      const silent = drafts.filter((draft) => draft.events.length === 0);
      const current = await Promise.all(
        silent.map(({ group, entry, remembered: old }) => !old || refresh(group.stream, entry)),
      );
      for (const [index, draft] of silent.entries()) {
        if (current[index] === true) settle(draft, [], results);
        read.set(draft.group.stream, draft.entry);
      }
      for (const group of pending) {
        const entry = read.get(group.stream);
        if (isUnfinished(group) || entry === undefined) continue;
        remember(group.stream, entry);
        read.delete(group.stream);
      }
      pending = pending.filter(isUnfinished);
      if (conflicts > 0) await pause(Math.random() * Math.min(CONFLICT_PAUSE_MS_MAX, 2 ** conflicts));
    }
    return results;
  }

  async function handleMany(work: readonly Work<Command>[]): Promise<readonly Result[]> {
    const groups = groupsOf(work, decider.category);
    const results = await inTurn(
      groups.map((group) => group.stream),
      () => handleInTurn(groups, work),
    );
    return results.map(required);
  }

  return {
    handleMany,
    handle: async (stream, command, context) => {
      const result = at(await handleMany([{ stream, command, context }]), 0);
      if (result.outcome === 'refused') throw result.error;
      return result;
    },
    load: (stream) =>
      inTurn([stream], async () => {
        let entry = take(stream);
        if (entry === undefined) entry = entryOf(await store.readStream(stream));
        else await refresh(stream, entry);
        remember(stream, entry);
        return { state: entry.state, revision: entry.revision };
      }),
  };
}

function groupsOf(work: readonly Work<unknown>[], category: string): readonly Group[] {
  const places = new Map<string, number[]>();
  for (const [place, { stream }] of work.entries()) {
    const group = places.get(stream);
    if (group !== undefined) group.push(place);
    else if (categoryOf(stream) === category) places.set(stream, [place]);
    else throw new TypeError(`${stream} is not a stream of the category ${category}`);
  }
  return Array.from(places, ([stream, group]) => ({ stream, places: group, done: 0, conflicts: 0 }));
}

function decideOrRefuse<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  command: Command,
  state: State,
): readonly Event[] | DomainError {
  try {
    return decider.decide(command, state);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

function tooLarge({ stream, message }: EventTooLarge): Refused {
  return { outcome: 'refused', stream, error: new DomainError('EventTooLarge', message) };
}

function metadataOf({ actor, correlationId, causationId }: CommandContext): EventMetadata {
  return causationId === undefined ? { actor, correlationId } : { actor, correlationId, causationId };
}

function nextRevision(revision: ExpectedRevision): number {
  return revision === 'no-stream' ? 0 : revision + 1;
}

function isUnfinished(group: Group): boolean {
  return group.done < group.places.length;
}

function at<Item>(items: readonly Item[], index: number): Item {
  return required(items[index]);
}

function required<Item>(item: Item | undefined): Item {
  if (item === undefined) throw new Error('the runtime lost track of its own work');
  return item;
}
