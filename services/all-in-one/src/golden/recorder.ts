import type { Decider, DomainEvent } from '@tantieme/event-sourcing/decide/decider';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
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
  ): Promise<readonly Recorded<Event>[]> {
    const context = this.nextContext();
    const { stored, events } = await createRuntime({ store: this.store, decider }).handle(stream, command, context);
    if (stored.length === 0) throw new Error(`the command ${context.cause} for ${stream} adds no event`);
    return stored.map((one, index) => ({ stored: one, event: events[index] as Event }));
  }
}
