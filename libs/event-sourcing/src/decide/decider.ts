/** A decider: the pure middle of a bounded context, as three functions and an initial state. */

export interface DomainEvent {
  readonly type: string;
  /** Version of the type's schema, from 1; older versions are upcast when read. */
  readonly version: number;
  /** ISO 8601 instant at which it happened, at its source. */
  readonly occurredAt: string;
  /** Plain JSON; amounts and rates as decimal text. */
  readonly data: object;
}

export interface Decider<State, Command, Event extends DomainEvent> {
  /** Category of the streams that it decides: `deal`, `earning`, … */
  readonly category: string;
  readonly initialState: () => State;
  /**
   * What the command means in this state: no event (nothing new: a repetition), or one that holds its input, the values
   * looked up elsewhere, its conclusions and the engine's version. Pure; never changes `state`.
   * @throws {DomainError} where the command cannot be accepted.
   */
  readonly decide: (command: Command, state: State) => readonly Event[];
  /**
   * The state after the event. It may reuse and change the given state, which the caller must not use again, and keep the event's data,
   * which it must not change: whoever follows the log is given the same.
   */
  readonly evolve: (state: State, event: Event) => State;
  /** The command that the event journals: `decide(commandOf(event), state)` gives the event again, byte for byte. */
  readonly commandOf: (event: Event) => Command;
  /** Events of older versions, brought to the newest: by type, from version n to n + 1. */
  readonly upcast?: Readonly<Record<string, Readonly<Record<number, (data: never) => object>>>>;
  /** Bytes that a state takes in memory, roughly: the runtime's cache is limited in bytes. */
  readonly sizeOf?: (state: State) => number;
}

/**
 * A refusal in the domain's words. `code` is stable (`PeriodClosed`, `AgreementMissing`), `fields` name what is wrong, and of a
 * text where it stands (`line` and `column`, from 1).
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
