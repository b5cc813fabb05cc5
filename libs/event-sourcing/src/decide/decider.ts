/** A decider: the pure core of a bounded context, as an initial state and the functions `decide` and `evolve`. */

export interface DomainEvent {
  readonly type: string;
  /** Schema version of the type, from 1. Older versions are upcast when they are read. */
  readonly version: number;
  /** When it happened at its source: an ISO 8601 instant. */
  readonly occurredAt: string;
  /** Plain JSON; amounts and rates as decimal text. */
  readonly data: object;
}

export interface EventType<Version extends number = number> {
  /** The version that `decide` writes. */
  readonly version: Version;
  /** True if its data names the event that caused it, by stream and revision: its metadata does not repeat it. */
  readonly namesCause?: true;
  /** From the data of version n to that of n + 1, for every n from 1 to the one before `version`. */
  readonly upcast?: Readonly<Record<number, (data: never) => object>>;
}

/** The event types of a category. Whatever reads stored events reads them through this table (`upcasting.ts`). */
export type EventTypes<Event extends DomainEvent> = {
  readonly [One in Event as One['type']]: EventType<One['version']>;
};

export interface Decider<State, Command, Event extends DomainEvent> {
  /** Category of its streams: `deal`, `earning`, … */
  readonly category: string;
  readonly events: EventTypes<Event>;
  readonly initialState: () => State;
  /**
   * The events that the command causes in this state: none for a repetition, otherwise one that holds its input, the
   * values looked up elsewhere, its conclusions and the engine version. Pure; never changes `state`.
   * @throws {DomainError} if the command is not acceptable.
   */
  readonly decide: (command: Command, state: State) => readonly Event[];
  /**
   * The state after the event. May reuse and change the given state, which the caller must not use again. May keep a
   * reference to the event's data but must not change it: other readers of the log share the same object.
   */
  readonly evolve: (state: State, event: Event) => State;
  /** The command recorded in the event: `decide(commandOf(event), state)` returns the event again, byte for byte. */
  readonly commandOf: (event: Event) => Command;
  /** Approximate bytes that a state takes in memory. The runtime limits its cache in bytes. */
  readonly sizeOf?: (state: State) => number;
  /**
   * True if an event that is larger than an append is stored as a run of parts; absent if its command is refused.
   * `commandOf` must then read no list at the top of the event's data: the first part does not hold them.
   */
  readonly storesRuns?: boolean;
}

/**
 * A refusal in terms of the domain. `code` is stable (`PeriodClosed`, `AgreementMissing`); `fields` lists the invalid
 * fields, with `line` and `column` (from 1) if they come from a text.
 */
export class DomainError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly kind: 'invalid' | 'conflict' | 'not-found' | 'forbidden' = 'invalid',
    readonly fields: readonly {
      readonly field: string;
      readonly reason: string;
      readonly line?: number;
      readonly column?: number;
    }[] = [],
  ) {
    super(message);
  }
}
