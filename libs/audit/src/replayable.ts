/**
 * What verification needs of a decider. The deciders of `@tantieme/event-sourcing` fit as they are. States, commands
 * and events are opaque here, hence methods over unknown: each decider is only given what it made itself.
 */

export interface ReplayedEvent {
  readonly type: string;
  readonly version: number;
  readonly occurredAt: string;
  readonly data: object;
}

/**
 * From the data of one version to the next. A method, because its argument was made by an older version of the decider.
 */
type UpcastStep = { step(data: unknown): object }['step'];

export interface Replayable {
  readonly category: string;
  initialState(): unknown;
  decide(command: unknown, state: unknown): readonly ReplayedEvent[];
  evolve(state: unknown, event: ReplayedEvent): unknown;
  commandOf(event: ReplayedEvent): unknown;
  sizeOf?(state: unknown): number;
  readonly upcast?: Readonly<Record<string, Readonly<Record<number, UpcastStep>>>>;
}
