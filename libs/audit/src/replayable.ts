/**
 * What verification needs of a decider. Those of `@tantieme/event-sourcing` fit with `withReader`. States, commands and
 * events are opaque here, hence methods over unknown: each decider is only given what it made itself.
 */
import type { StoredEvent } from '@tantieme/event-store/event-store';

export interface ReplayedEvent {
  readonly type: string;
  readonly version: number;
  readonly occurredAt: string;
  readonly data: object;
}

export interface Replayable {
  readonly category: string;
  /** The event types that it can read, with their newest versions. */
  readonly events: Readonly<Record<string, { readonly version: number }>>;
  /** The event in the newest version of its type. @throws for an unknown type or version */
  read(event: StoredEvent): ReplayedEvent;
  initialState(): unknown;
  decide(command: unknown, state: unknown): readonly ReplayedEvent[];
  evolve(state: unknown, event: ReplayedEvent): unknown;
  commandOf(event: ReplayedEvent): unknown;
  sizeOf?(state: unknown): number;
}
