import { assertFits, InvalidMessage } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { canonicalJson, canonicalText, NotCanonical } from '@tantieme/event-store/canonical-json';
import { categoryOf, EventTooLarge } from '@tantieme/event-store/event-store';
import { APPEND_BYTES_MAX } from '@tantieme/event-store/limits';
import type {
  AppendedEvent,
  AppendResult,
  EventMetadata,
  EventStore,
  ExpectedRevision,
  NewEvent,
  Position,
  StoredEvent,
} from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { eventOfRun, headOf, partsOf } from '@tantieme/event-store/run';

import { MESSAGES_PER_EVENT_MAX, UNMEASURED_CHARACTERS_MAX } from '../limits.js';
import { BooksRequired } from './books.js';
import type { Books, NeededBooks } from './books.js';
import { DomainError } from './decider.js';
import type { Decider, DomainEvent } from './decider.js';
import { eventId } from './identity.js';
import { createStreamStates, nextRevision } from './stream-states.js';
import type { StreamState } from './stream-states.js';
import { createKeyedMutex } from './keyed-mutex.js';
import { cacheParsedData, namesCause, parseDomainEvent } from './upcasting.js';

/** Default limit of the cached states, in bytes. */
const CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** Loads of books for one command: its deal, the windows that it reaches, at last everything. */
const LOADS_MAX = 10;

/** Characters of the events that one append holds, if it has several: the others follow in the next. */
const APPEND_CHARACTERS = APPEND_BYTES_MAX / 2;

/** Conflicts with other writers that a stream survives in one call; the next one fails it. */
const CONFLICTS_MAX = 10;

export interface CommandContext {
  /** The subject of a token; absent for a process of the service itself. */
  readonly actor?: string | undefined;
  readonly correlationId: string;
  /** The id of the event or message that the command responds to, if any. */
  readonly causationId?: string | undefined;
  /** Identifies the command when it is repeated: a message id or request key. Event ids are computed from it. */
  readonly cause: string;
}

/** The context of a request: its actor is known. */
export interface RequestContext extends CommandContext {
  readonly actor: string;
}

/** A command for a stream. */
export interface Work<Command> {
  readonly stream: string;
  readonly command: Command;
  readonly context: CommandContext;
}

/**
 * The messages that an event will cause. The runtime builds them before it appends the event, to refuse what cannot be
 * published.
 * @throws {InvalidMessage}
 */
export type MessagesOf = (event: StoredEvent) => readonly Pick<OutgoingMessage, 'value'>[];

export interface Accepted<State, Event extends DomainEvent> {
  readonly outcome: 'accepted';
  readonly stream: string;
  /** Revision of the stream after this command. */
  readonly revision: ExpectedRevision;
  /** What this command appended; empty for a repetition. */
  readonly stored: readonly AppendedEvent[];
  readonly events: readonly Event[];
  /**
   * The state after this command or a later one: read it before handling anything else, as `evolve` may reuse it. It may
   * not have all of its books.
   */
  readonly state: State;
}

export interface Refused {
  readonly outcome: 'refused';
  readonly stream: string;
  readonly error: DomainError;
}

export interface Loaded<State> {
  /** Do not change it, and read it before handling anything else, as `evolve` may reuse it. */
  readonly state: State;
  readonly revision: ExpectedRevision;
}

export interface Runtime<State, Command, Event extends DomainEvent> {
  /** @throws {DomainError} if the decider refuses the command. @throws {ConflictUnresolved} */
  handle(stream: string, command: Command, context: CommandContext): Promise<Accepted<State, Event>>;
  /**
   * Decides each command on its own, those of one stream in the given order, and appends all events in one call. The
   * results are in the order of the work. A refusal concerns only its own command.
   *
   * Each stream is atomic, but not all of them together: if this throws, some may have been written, and the caller
   * must repeat the same work.
   * @throws {ConflictUnresolved}
   */
  handleMany(
    work: readonly Work<Command>[],
    options?: HandleOptions,
  ): Promise<readonly (Accepted<State, Event> | Refused)[]>;
  /** The current state, with all books. */
  load(stream: string): Promise<Loaded<State>>;
  /** A part of the current state. `use` is called again if it throws `BooksRequired`, once those books are loaded. */
  read<Result>(stream: string, use: (state: State) => Result): Promise<Result>;
  /** Removes the state of a stream from the cache: the next call reads the whole stream. */
  evict(stream: string): Promise<void>;
}

export interface HandleOptions {
  /**
   * True for work that visits very many streams once: it takes states from the cache, but does not evict the states
   * that it finds there for those that it has to read.
   */
  readonly isPassing?: boolean | undefined;
}

/** Another process wrote to the stream at every attempt to decide a command. */
export class ConflictUnresolved extends Error {
  readonly code = 'ConflictUnresolved';
  constructor(
    readonly stream: string,
    readonly attempts: number,
  ) {
    super(`another process wrote to ${stream} at each of ${attempts} attempts: repeat the request`);
  }
}

/** The commands for one stream. */
interface Group {
  readonly stream: string;
  /** Indexes into the call's work, in order. */
  readonly places: readonly number[];
  /** How many of them have a result. */
  done: number;
  conflicts: number;
  /** Books that the next command needs. */
  needed: NeededBooks | undefined;
  /** Loads for one command. */
  loads: number;
}

interface Decision<State, Event> {
  readonly place: number;
  readonly decided: readonly Event[] | DomainError;
  readonly state: State;
}

/** What one round decided for a group. */
interface Draft<State, Event> {
  readonly group: Group;
  readonly entry: StreamState<State>;
  readonly decisions: readonly Decision<State, Event>[];
  /** Empty if every command was refused or a repetition. */
  readonly events: readonly DecidedEvent[];
}

type DecidedEvent = Omit<NewEvent, 'data'> & { readonly data: object };

/** A call of `handleMany` in progress: it runs in rounds until each command has its result. */
interface Call<State, Command, Result> {
  readonly work: readonly Work<Command>[];
  readonly results: (Result | undefined)[];
  readonly checkedOut: Map<string, StreamState<State>>;
  /** Limits of a round, halved after a refused append to isolate the command that cannot be stored. */
  streamsMax: number;
  /** Commands per stream. */
  commandsMax: number;
  readonly isPassing: boolean;
}

/**
 * Runs a decider over the store: load (from the cache if possible), decide, append under the expected revision, and
 * start over after a conflict.
 *
 * @param options.cacheBytesMax limit of the cached states in bytes, as measured by `decider.sizeOf`.
 * @param options.shrunkBytesMax likewise for states that were shrunk to their newest books.
 */
export function createRuntime<State, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly cacheBytesMax?: number | undefined;
  /** How states consist of books; without, a stream is always read whole. */
  readonly books?: Books<State, Command, Event> | undefined;
  readonly shrunkBytesMax?: number | undefined;
  readonly messagesOf?: MessagesOf | undefined;
}): Runtime<State, Command, Event> {
  const { store, decider, books, cacheBytesMax = CACHE_BYTES_MAX, shrunkBytesMax, messagesOf } = options;
  type Result = Accepted<State, Event> | Refused;
  type ThisCall = Call<State, Command, Result>;
  type ThisDraft = Draft<State, Event>;

  const states = createStreamStates({ store, decider, cacheBytesMax, books, shrunkBytesMax });
  const withLock = createKeyedMutex();

  function decideGroup(call: ThisCall, group: Group): ThisDraft {
    const entry = required(call.checkedOut.get(group.stream));
    const decisions: Decision<State, Event>[] = [];
    const events: DecidedEvent[] = [];
    let characters = 0;
    const revisionFrom = nextRevision(entry.revision);
    for (const place of group.places.slice(group.done, group.done + call.commandsMax)) {
      const { command, context } = at(call.work, place);
      const toStore = (event: Event, index: number): DecidedEvent => {
        const { type, version, occurredAt, data } = event;
        const id = eventId(group.stream, context.cause, revisionFrom + events.length + index);
        const metadata = metadataOf(context, namesCause(type, decider.events));
        return { id, type, version, occurredAt, metadata, causationId: context.causationId, data };
      };
      let decided = decideOrRefuse(decider, command, entry.state);
      if (decided instanceof BooksRequired) {
        group.needed = decided.needed;
        break;
      }
      if (!(decided instanceof DomainError) && decided.length > 0) {
        const stored = decided.map(toStore);
        const refusal = messagesOf && refusalToPublish(messagesOf, group.stream, revisionFrom + events.length, stored);
        const size = refusal ?? charactersOf(stored);
        if (size instanceof DomainError) decided = size;
        else {
          characters += size;
          if (events.length > 0 && characters > APPEND_CHARACTERS) break;
          events.push(...stored);
          for (const event of decided) entry.state = decider.evolve(entry.state, event);
        }
      }
      decisions.push({ place, decided, state: entry.state });
    }
    return { group, entry, decisions, events };
  }

  /** Sets the results of a draft whose events are stored, or that has none and was decided on a current state. */
  function complete(call: ThisCall, draft: ThisDraft, stored: readonly AppendedEvent[], position?: Position): void {
    const { group, entry, decisions } = draft;
    const { stream } = group;
    let from = 0;
    for (const { place, decided, state } of decisions) {
      if (decided instanceof DomainError) {
        call.results[place] = { outcome: 'refused', stream, error: decided };
        continue;
      }
      const own = stored.slice(from, from + decided.length);
      from += decided.length;
      for (const [index, event] of own.entries()) cacheParsedData(event, at(decided, index).data);
      entry.revision = own.at(-1)?.revision ?? entry.revision;
      call.results[place] = {
        outcome: 'accepted',
        stream,
        revision: entry.revision,
        stored: own,
        events: decided,
        state,
      };
    }
    for (const { dataText } of stored) entry.characters += dataText.length;
    entry.isCurrent = true;
    entry.position = position ?? entry.position;
    group.done += decisions.length;
    if (decisions.length > 0) group.loads = 0;
  }

  /** @returns undefined if an event cannot be stored: nothing was stored, and `call` is ready for another round. */
  async function append(call: ThisCall, drafts: readonly ThisDraft[]): Promise<readonly AppendResult[] | undefined> {
    if (drafts.length === 0) return [];
    try {
      return await store.appendMany(
        drafts.map(({ group, entry, events }) => ({
          stream: group.stream,
          expectedRevision: entry.revision,
          events,
        })),
      );
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      const stored = error instanceof EventTooLarge ? await appendRun(call, drafts) : undefined;
      if (stored !== undefined) return [stored];
      const draft = drafts.find(({ group }) => error instanceof EventTooLarge && group.stream === error.stream);
      narrow(call, draft === undefined || decider.storesRuns === true ? drafts : [draft], refusal);
      // These states are ahead of the store.
      call.checkedOut.clear();
      return undefined;
    }
  }

  /** One of the drafts cannot be stored: refuses the command if only one is left, otherwise makes the round smaller. */
  function narrow(call: ThisCall, drafts: readonly ThisDraft[], error: DomainError): void {
    const { group, decisions } = at(drafts, 0);
    if (drafts.length > 1) call.streamsMax = Math.ceil(drafts.length / 2);
    else if (decisions.length > 1) call.commandsMax = Math.ceil(decisions.length / 2);
    else {
      call.results[at(decisions, 0).place] = { outcome: 'refused', stream: group.stream, error };
      group.done += 1;
      widen(call);
    }
  }

  function widen(call: ThisCall): void {
    call.streamsMax = Number.POSITIVE_INFINITY;
    call.commandsMax = Number.POSITIVE_INFINITY;
  }

  /**
   * Stores the only decision of a round part by part. If this is interrupted, `completeRun` goes on.
   * @returns undefined if the round has several decisions, or if what the decision was made from is too large.
   */
  async function appendRun(call: ThisCall, drafts: readonly ThisDraft[]): Promise<AppendResult | undefined> {
    const { group, entry, decisions, events } = at(drafts, 0);
    if (decider.storesRuns !== true || drafts.length > 1 || decisions.length > 1) return undefined;
    const { stream } = group;
    if (events.length !== 1) throw new Error(`a decision for ${stream} has ${events.length} events: a run holds one`);
    try {
      const result = await appendParts(stream, entry.revision, partsOf(at(events, 0)));
      widen(call);
      return result.outcome === 'conflict' ? result : { ...result, events: [eventOfRun(result.events)] };
    } catch (error) {
      if (error instanceof EventTooLarge) return undefined;
      throw error;
    }
  }

  /** Each in an append of its own. */
  async function appendParts(
    stream: string,
    expected: ExpectedRevision,
    parts: readonly NewEvent[],
  ): Promise<AppendResult> {
    const events: AppendedEvent[] = [];
    for (const [index, part] of parts.entries()) {
      const expectedRevision = index === 0 ? expected : nextRevision(expected) + index - 1;
      const result = await store.append({ stream, expectedRevision, events: [part] });
      if (result.outcome === 'conflict') return result;
      events.push(...result.events);
      if (events.length === parts.length) return { ...result, events };
    }
    throw new Error(`a run of ${stream} has no parts to store`);
  }

  /**
   * Completes the run that a crash left behind, before anything else is decided: decides it again from the first part
   * and stores the missing parts. Another process may do the same at the same moment, with the same ids.
   */
  async function completeRun(stream: string, entry: StreamState<State>): Promise<void> {
    const { unfinished } = entry;
    const first = at(unfinished, 0);
    const { metadata, ...head } = headOf(first);
    const command = decider.commandOf(parseDomainEvent<Event>(head, decider.events));
    const event = at(await withBooks(stream, entry, (state) => decider.decide(command, state)), 0);
    const parts = partsOf({ id: first.id, metadata, ...event });
    for (const [index, stored] of unfinished.entries())
      if (stored.dataText !== canonicalJson(parts[index]?.data))
        throw new Error(
          `the run of ${stream} at revision ${first.revision} is not what is decided now: verify the log`,
        );
    // After a conflict, another process has completed it.
    await appendParts(stream, entry.revision, parts.slice(unfinished.length));
  }

  /** Repeats `use` until it finds all books that it needs. */
  async function withBooks<Used>(
    stream: string,
    entry: StreamState<State>,
    use: (state: State) => Used,
  ): Promise<Used> {
    for (let loads = 0; ; loads += 1)
      try {
        return use(entry.state);
      } catch (error) {
        if (!(error instanceof BooksRequired)) throw error;
        if (loads === LOADS_MAX) throw requiredInVain(stream, error.needed);
        await states.load(new Map([[stream, { entry, books: error.needed }]]));
      }
  }

  /** Loads what the commands of a round need, as far as that is known before they are decided. */
  async function loadNeeded(call: ThisCall, groups: readonly Group[]): Promise<void> {
    if (books === undefined) return;
    const needed = new Map<string, { readonly entry: StreamState<State>; readonly books: NeededBooks }>();
    for (const group of groups) {
      const { stream, needed: ofNext } = group;
      const entry = required(call.checkedOut.get(stream));
      if (books.isWhole(entry.state)) continue;
      if (ofNext !== undefined && group.loads++ === LOADS_MAX) throw requiredInVain(stream, ofNext);
      const places = group.places.slice(group.done, group.done + call.commandsMax);
      const certain = places
        .flatMap((place) => books.bookOf(at(call.work, place).command) ?? [])
        .filter((book) => !books.has(entry.state, book));
      if (ofNext === 'all') needed.set(stream, { entry, books: 'all' });
      else if (ofNext !== undefined || certain.length > 0)
        needed.set(stream, {
          entry,
          books: { books: [...new Set([...(ofNext?.books ?? []), ...certain])], groups: ofNext?.groups ?? [] },
        });
      group.needed = undefined;
    }
    if (needed.size > 0) await states.load(needed);
  }

  /** The states of the streams, each after its last whole decision. */
  async function checkOut(streams: readonly string[], checkedOut: Map<string, StreamState<State>>): Promise<void> {
    let missing = streams.filter((stream) => !checkedOut.has(stream));
    while (missing.length > 0) {
      await states.checkOut(missing, checkedOut);
      missing = missing.filter((stream) => required(checkedOut.get(stream)).unfinished.length > 0);
      for (const stream of missing) {
        await completeRun(stream, required(checkedOut.get(stream)));
        checkedOut.delete(stream);
      }
    }
  }

  /**
   * A conflict needs no pause: another writer made progress. Nor does a repetition that was decided otherwise: an append
   * whose answer was lost has stored the earlier decision. @throws {ConflictUnresolved}
   */
  function completeAppended(call: ThisCall, drafts: readonly ThisDraft[], results: readonly AppendResult[]): void {
    for (const [index, result] of results.entries()) {
      const draft = at(drafts, index);
      if (result.outcome === 'appended' && isAsDecided(draft.events, result.events)) {
        complete(call, draft, result.events, result.position);
        continue;
      }
      const { group } = draft;
      call.checkedOut.delete(group.stream);
      group.conflicts += 1;
      if (group.conflicts > CONFLICTS_MAX) throw new ConflictUnresolved(group.stream, group.conflicts);
    }
  }

  /**
   * Nothing was appended, so no revision protected these decisions: those on a cached state are valid only if the
   * stream has nothing newer.
   */
  async function completeUnchanged(call: ThisCall, drafts: readonly ThisDraft[]): Promise<void> {
    const old = drafts.filter((draft) => !draft.entry.isCurrent);
    const changed = await Promise.all(old.map(({ group, entry }) => states.refresh(group.stream, entry)));
    const again = new Set(old.filter((_, index) => changed[index]));
    for (const draft of drafts)
      if (!again.has(draft)) complete(call, draft, []);
      // A run is completed on the state that the whole stream gives.
      else if (draft.entry.unfinished.length > 0) call.checkedOut.delete(draft.group.stream);
  }

  async function round(call: ThisCall, groups: readonly Group[]): Promise<void> {
    await checkOut(
      groups.map(({ stream }) => stream),
      call.checkedOut,
    );
    await loadNeeded(call, groups);
    const drafts = groups.map((group) => decideGroup(call, group));
    const writing = drafts.filter(({ events }) => events.length > 0);
    const appended = await append(call, writing);
    if (appended === undefined) return;
    completeAppended(call, writing, appended);
    await completeUnchanged(
      call,
      drafts.filter(({ events, decisions }) => events.length === 0 && decisions.length > 0),
    );
    for (const { group, entry } of drafts)
      if (!isUnfinished(group) && call.checkedOut.delete(group.stream))
        states.checkIn(group.stream, entry, call.isPassing);
  }

  /** Uses the state as the store has it now, and caches it again. */
  function withCurrent<Used>(
    stream: string,
    use: (entry: StreamState<State>) => Promise<Used>,
    checkIn = (entry: StreamState<State>): void => states.checkIn(stream, entry),
  ): Promise<Used> {
    return withLock([stream], async () => {
      const checkedOut = new Map<string, StreamState<State>>();
      await checkOut([stream], checkedOut);
      let entry = required(checkedOut.get(stream));
      if (!entry.isCurrent && (await states.refresh(stream, entry)) && entry.unfinished.length > 0) {
        checkedOut.clear();
        await checkOut([stream], checkedOut);
        entry = required(checkedOut.get(stream));
      }
      const used = await use(entry);
      checkIn(entry);
      return used;
    });
  }

  async function handleMany(
    work: readonly Work<Command>[],
    { isPassing = false }: HandleOptions = {},
  ): Promise<readonly Result[]> {
    const groups = groupsOf(work, decider.category);
    const results = new Array<Result | undefined>(work.length).fill(undefined);
    const call: ThisCall = {
      work,
      results,
      checkedOut: new Map(),
      streamsMax: Number.POSITIVE_INFINITY,
      commandsMax: Number.POSITIVE_INFINITY,
      isPassing,
    };
    await withLock(
      groups.map(({ stream }) => stream),
      async () => {
        for (let left = groups; left.length > 0; left = left.filter(isUnfinished))
          await round(call, left.slice(0, call.streamsMax));
      },
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
      withCurrent(
        stream,
        async (entry) => {
          if (books?.isWhole(entry.state) === false) await states.load(new Map([[stream, { entry, books: 'all' }]]));
          return { state: entry.state, revision: entry.revision };
        },
        // The cache may shrink a state that consists of books, which its reader has in hand.
        books === undefined ? undefined : () => undefined,
      ),
    read: (stream, use) => withCurrent(stream, (entry) => withBooks(stream, entry, use)),
    evict: (stream) => withLock([stream], async () => states.evict(stream)),
  };
}

/** False for the stored events of an earlier decision with the same ids. */
function isAsDecided(decided: readonly DecidedEvent[], stored: readonly AppendedEvent[]): boolean {
  return stored.every(({ dataText }, index) => dataText === canonicalText(at(decided, index).data));
}

function requiredInVain(stream: string, needed: NeededBooks): Error {
  return new Error(`${stream}: a decision still needs ${JSON.stringify(needed)} after it was loaded`);
}

function groupsOf(work: readonly Work<unknown>[], category: string): readonly Group[] {
  const places = new Map<string, number[]>();
  for (const [place, { stream }] of work.entries()) {
    const group = places.get(stream);
    if (group !== undefined) group.push(place);
    else if (categoryOf(stream) === category) places.set(stream, [place]);
    else throw new TypeError(`${stream} is not a stream of the category ${category}`);
  }
  return Array.from(places, ([stream, group]) => ({
    stream,
    places: group,
    done: 0,
    conflicts: 0,
    needed: undefined,
    loads: 0,
  }));
}

function decideOrRefuse<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  command: Command,
  state: State,
): readonly Event[] | DomainError | BooksRequired {
  try {
    return decider.decide(command, state);
  } catch (error) {
    if (error instanceof DomainError || error instanceof BooksRequired) return error;
    throw error;
  }
}

/** The refusal of a decision whose messages do not fit their schemas: it would stop what publishes them. */
function refusalToPublish(
  messagesOf: MessagesOf,
  stream: string,
  revisionFrom: number,
  events: readonly DecidedEvent[],
): DomainError | undefined {
  try {
    for (const [index, event] of events.entries()) {
      const stored = {
        ...event,
        stream,
        revision: revisionFrom + index,
        position: 0n,
        recordedAt: event.occurredAt,
        hash: '',
        metadataText: canonicalJson(event.metadata),
        get dataText() {
          return canonicalText(event.data);
        },
      };
      cacheParsedData(stored, event.data);
      const messages = messagesOf(stored);
      if (messages.length > MESSAGES_PER_EVENT_MAX)
        return new DomainError(
          'MessagesTooMany',
          `would be published as ${messages.length} messages, and at most ${MESSAGES_PER_EVENT_MAX} are allowed; split it`,
        );
      if (canonicalText(event.data).length > UNMEASURED_CHARACTERS_MAX)
        for (const { value } of messages) assertFits(value);
    }
    return undefined;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}

/** Characters of the events' data, or the refusal of data that no store accepts. */
function charactersOf(events: readonly DecidedEvent[]): number | DomainError {
  try {
    return events.reduce((sum, { data }) => sum + canonicalText(data).length, 0);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}

/**
 * The refusal of a command whose event no store accepts: it is too large, or has text that UTF-8 cannot encode. Such a
 * command comes from outside and must not block the rest of its batch. Undefined for any other failure of an append.
 */
function refusalOf(error: unknown): DomainError | undefined {
  if (error instanceof InvalidMessage)
    return new DomainError('MessageInvalid', `cannot be published: ${error.message}`, 'invalid', error.errors);
  if (error instanceof EventTooLarge) return new DomainError('EventTooLarge', error.message);
  if (error instanceof NotCanonical)
    return new DomainError('EventNotStorable', error.message, 'invalid', [{ field: error.path, reason: error.reason }]);
  // Stream names, types or ids with control characters.
  if (error instanceof Error && 'code' in error && error.code === 'InvalidAppend')
    return new DomainError('EventNotStorable', error.message);
  return undefined;
}

function metadataOf({ actor, correlationId, causationId }: CommandContext, namesCause: boolean): EventMetadata {
  return omitUndefined({ actor, correlationId, causationId: namesCause ? undefined : causationId });
}

function isUnfinished(group: Group): boolean {
  return group.done < group.places.length;
}

function at<Item>(items: readonly Item[], index: number): Item {
  return required(items[index]);
}

function required<Item>(item: Item | undefined): Item {
  if (item === undefined) throw new Error('a command has no place or result: this is a bug in the runtime');
  return item;
}
