/**
 * What verification needs of a decider; those of `@tantieme/event-sourcing` have it. States, commands and events are
 * `unknown` here: a decider only receives those that it returned itself.
 */

export interface ReplayedEvent {
  readonly type: string;
  readonly version: number;
  readonly occurredAt: string;
  readonly data: object;
}

/** Upcasts data of one version to the next. Declared as a method, so that steps with narrower parameters fit. */
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
