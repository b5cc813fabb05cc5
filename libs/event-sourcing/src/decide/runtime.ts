import { setTimeout as pause } from 'node:timers/promises';

import { NotCanonical } from '@tantieme/event-store/canonical-json';
import { categoryOf, EventTooLarge } from '@tantieme/event-store/event-store';
import type {
  AppendResult,
  EventMetadata,
  EventStore,
  ExpectedRevision,
  NewEvent,
  StoredEvent,
} from '@tantieme/event-store/event-store';
import { backoffMs } from '@tantieme/time/backoff';

import { DomainError } from './decider.js';
import type { Decider, DomainEvent } from './decider.js';
import { eventId } from './identity.js';
import { createStreamStates, nextRevision } from './stream-states.js';
import type { StreamState } from './stream-states.js';
import { createKeyedMutex } from './keyed-mutex.js';
import { rememberData } from './upcasting.js';

export { domainEventOf } from './upcasting.js';

/** Bytes of states kept in memory, where nothing else is said. */
const CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** How often a command is decided anew because another process wrote to its stream, before the call fails. */
const CONFLICTS_MAX = 10;

/** The longest pause after a conflict, in milliseconds; it is drawn, so that two writers do not meet again. */
const CONFLICT_BACKOFF = { firstMs: 2, maxMs: 100 };

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
  /** Drops the state of a stream from memory: whoever needs it next has the stream read as a whole. */
  forget(stream: string): Promise<void>;
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
  readonly held: StreamState<State>;
  readonly decisions: readonly Decision<State, Event>[];
  /** Empty where all was refused or nothing new. */
  readonly events: readonly NewEvent[];
}

/** One call of `handleMany` on its way, in rounds, until each command has its result. */
interface Call<State, Command, Result> {
  readonly work: readonly Work<Command>[];
  readonly results: (Result | undefined)[];
  readonly inHand: Map<string, StreamState<State>>;
  /** Streams a round, and commands of one stream: lowered where the store refuses what they append, to find which it is. */
  streamsMax: number;
  commandsMax: number;
}

/**
 * Runs a decider over the store: load or take from memory, decide, append under the expected revision, and again where
 * somebody else was faster.
 *
 * @param options.cacheBytesMax bytes of states kept in memory, as the decider's `sizeOf` tells them.
 */
export function createRuntime<State, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly cacheBytesMax?: number;
}): Runtime<State, Command, Event> {
  const { store, decider, cacheBytesMax = CACHE_BYTES_MAX } = options;
  type Result = Handled<State, Event> | Refused;
  type ThisCall = Call<State, Command, Result>;
  type ThisDraft = Draft<State, Event>;

  const states = createStreamStates({ store, decider, cacheBytesMax });
  const inTurn = createKeyedMutex();

  function decideGroup(call: ThisCall, group: Group): ThisDraft {
    const held = required(call.inHand.get(group.stream));
    const decisions: Decision<State, Event>[] = [];
    const events: NewEvent[] = [];
    const revisionFrom = nextRevision(held.revision);
    for (const place of group.places.slice(group.done, group.done + call.commandsMax)) {
      const { command, context } = at(call.work, place);
      const decided = decideOrRefuse(decider, command, held.state);
      if (!(decided instanceof DomainError) && decided.length > 0) {
        const metadata = metadataOf(context);
        for (const event of decided) {
          const { type, version, occurredAt, data } = event;
          const id = eventId(group.stream, context.cause, revisionFrom + events.length);
          events.push({ id, type, version, occurredAt, metadata, data });
          held.state = decider.evolve(held.state, event);
        }
      }
      decisions.push({ place, decided, state: held.state });
    }
    return { group, held, decisions, events };
  }

  /** Results of a draft that holds: what it appended is in the store, or it appended nothing to a state that is current. */
  function settle(call: ThisCall, { group, held, decisions }: ThisDraft, stored: readonly StoredEvent[]): void {
    const { stream } = group;
    let from = 0;
    for (const { place, decided, state } of decisions) {
      if (decided instanceof DomainError) {
        call.results[place] = { outcome: 'refused', stream, error: decided };
        continue;
      }
      const own = stored.slice(from, from + decided.length);
      from += decided.length;
      for (const [index, event] of own.entries()) rememberData(event, at(decided, index).data);
      held.revision = own.at(-1)?.revision ?? held.revision;
      call.results[place] = {
        outcome: 'handled',
        stream,
        revision: held.revision,
        stored: own,
        events: decided,
        state,
      };
    }
    for (const { dataText } of stored) held.characters += dataText.length;
    held.current = true;
    group.done += decisions.length;
  }

  /** @returns undefined where an event cannot be stored: nothing is, and `call` is ready for another round. */
  async function append(call: ThisCall, drafts: readonly ThisDraft[]): Promise<readonly AppendResult[] | undefined> {
    if (drafts.length === 0) return [];
    try {
      return await store.appendMany(
        drafts.map(({ group, held, events }) => ({
          stream: group.stream,
          expectedRevision: held.revision,
          events,
        })),
      );
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      const draft = drafts.find(({ group }) => error instanceof EventTooLarge && group.stream === error.stream);
      narrow(call, draft === undefined ? drafts : [draft], refusal);
      // All that evolved is ahead of the store.
      call.inHand.clear();
      return undefined;
    }
  }

  /** One of the drafts cannot be stored: the command that it is down to is refused, else a smaller round is tried. */
  function narrow(call: ThisCall, drafts: readonly ThisDraft[], error: DomainError): void {
    const { group, decisions } = at(drafts, 0);
    if (drafts.length > 1) call.streamsMax = Math.ceil(drafts.length / 2);
    else if (decisions.length > 1) call.commandsMax = Math.ceil(decisions.length / 2);
    else {
      call.results[at(decisions, 0).place] = { outcome: 'refused', stream: group.stream, error };
      group.done += 1;
      call.streamsMax = Number.POSITIVE_INFINITY;
      call.commandsMax = Number.POSITIVE_INFINITY;
    }
  }

  /** @returns how often the most unlucky of the streams has met another writer, 0 where none did in this round. */
  function settleAppended(call: ThisCall, drafts: readonly ThisDraft[], results: readonly AppendResult[]): number {
    let conflicts = 0;
    for (const [index, result] of results.entries()) {
      const draft = at(drafts, index);
      if (result.outcome === 'appended') {
        settle(call, draft, result.events);
        continue;
      }
      const { group } = draft;
      call.inHand.delete(group.stream);
      group.conflicts += 1;
      if (group.conflicts > CONFLICTS_MAX) throw new ConflictUnresolved(group.stream, group.conflicts);
      conflicts = Math.max(conflicts, group.conflicts);
    }
    return conflicts;
  }

  /** No append has guarded these decisions: those on a state from memory hold only if the stream has nothing newer. */
  async function settleSilent(call: ThisCall, drafts: readonly ThisDraft[]): Promise<void> {
    const old = drafts.filter((draft) => !draft.held.current);
    const changed = await Promise.all(old.map(({ group, held }) => states.refresh(group.stream, held)));
    const again = new Set(old.filter((_, index) => changed[index]));
    for (const draft of drafts) if (!again.has(draft)) settle(call, draft, []);
  }

  async function round(call: ThisCall, groups: readonly Group[]): Promise<void> {
    await states.take(
      groups.map(({ stream }) => stream).filter((stream) => !call.inHand.has(stream)),
      call.inHand,
    );
    const drafts = groups.map((group) => decideGroup(call, group));
    const writing = drafts.filter(({ events }) => events.length > 0);
    const appended = await append(call, writing);
    if (appended === undefined) return;
    const conflicts = settleAppended(call, writing, appended);
    await settleSilent(
      call,
      drafts.filter(({ events }) => events.length === 0),
    );
    for (const { group, held } of drafts)
      if (!isUnfinished(group) && call.inHand.delete(group.stream)) states.giveBack(group.stream, held);
    if (conflicts > 0) await pause(Math.random() * backoffMs(CONFLICT_BACKOFF, conflicts));
  }

  async function handleMany(work: readonly Work<Command>[]): Promise<readonly Result[]> {
    const groups = groupsOf(work, decider.category);
    const results = new Array<Result | undefined>(work.length).fill(undefined);
    const call: ThisCall = {
      work,
      results,
      inHand: new Map(),
      streamsMax: Number.POSITIVE_INFINITY,
      commandsMax: Number.POSITIVE_INFINITY,
    };
    await inTurn(
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
      inTurn([stream], async () => {
        const inHand = new Map<string, StreamState<State>>();
        await states.take([stream], inHand);
        const held = required(inHand.get(stream));
        if (!held.current) await states.refresh(stream, held);
        states.giveBack(stream, held);
        return { state: held.state, revision: held.revision };
      }),
    forget: (stream) => inTurn([stream], async () => states.forget(stream)),
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

/**
 * The refusal of a command whose event no store takes: too large, or with text that has no UTF-8. Such a command comes
 * from outside, and must not hold up the others of its batch. Undefined for any other failure of an append.
 */
function refusalOf(error: unknown): DomainError | undefined {
  if (error instanceof EventTooLarge) return new DomainError('EventTooLarge', error.message);
  if (error instanceof NotCanonical)
    return new DomainError('EventNotStorable', error.message, 'invalid', [{ field: error.path, reason: error.reason }]);
  // Names with control characters, in any adapter's words.
  if (error instanceof Error && 'code' in error && error.code === 'InvalidAppend')
    return new DomainError('EventNotStorable', error.message);
  return undefined;
}

function metadataOf({ actor, correlationId, causationId }: CommandContext): EventMetadata {
  return causationId === undefined ? { actor, correlationId } : { actor, correlationId, causationId };
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
