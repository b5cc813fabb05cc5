import type { Decider, DomainEvent } from '@tantieme/event-sourcing/decide/decider';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { EventTooLarge } from '@tantieme/event-store/event-store';
import type { AppendedEvent, EventStore } from '@tantieme/event-store/event-store';

/** A stored event with its data as the decider made it. */
export interface Recorded<Event> {
  readonly stored: AppendedEvent;
  readonly event: Event;
}

/** Runs commands one after another. Its ids and correlations depend on nothing but their number. */
export class Recorder {
  private commands = 0;

  constructor(readonly store: EventStore) {}

  nextContext(): CommandContext {
    this.commands += 1;
    const cause = `golden-${this.commands}`;
    return { actor: 'service:golden', correlationId: cause, cause };
  }

  /** @throws if the command is refused or adds no event: a script has no commands without effect. */
  async record<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: string,
    command: NoInfer<Command>,
    as: 'event' | 'run' = 'event',
  ): Promise<readonly Recorded<Event>[]> {
    const context = this.nextContext();
    const store = as === 'run' ? storeOfRuns(this.store) : this.store;
    const { stored, events } = await createRuntime({ store, decider }).handle(stream, command, context);
    if (stored.length === 0) throw new Error(`the command ${context.cause} for ${stream} adds no event`);
    return stored.map((one, index) => ({ stored: one, event: events[index] as Event }));
  }
}

/** A store to which every decision is too large for one append, so that it becomes a run of parts. */
function storeOfRuns(store: EventStore): EventStore {
  return {
    append: (append) => store.append(append),
    appendMany: (appends) => Promise.reject(new EventTooLarge(appends[0]?.stream ?? '', Number.POSITIVE_INFINITY)),
    readStream: (stream, options) => store.readStream(stream, options),
    readStreams: (streams) => store.readStreams(streams),
    readAll: (options) => store.readAll(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    hashAt: (position) => store.hashAt(position),
    close: () => store.close(),
  };
}
