/** Partial states: states cut down to what the next command in order needs. See `partial-state-runtime.ts`. */
import { DomainError } from './decider.js';

/** How a decider cuts its states down. */
export interface PartialStates<State> {
  /** True for a partial state: it decides some commands and refuses the others with {@link fullStateRequired}. */
  readonly isPartial: (state: State) => boolean;
  /** False for a full state that cannot be cut down at the moment. */
  readonly canBecomePartial: (state: State) => boolean;
  /** Cuts a full state down in place, or cuts a partial state that has grown down again. */
  readonly makePartial: (state: State) => void;
  /** True for a partial state that has grown enough to be worth cutting down again. */
  readonly hasGrown: (state: State) => boolean;
}

const FULL_STATE_REQUIRED = 'FullStateRequired';

/** The refusal of a partial state: the command needs the whole stream. Callers of the runtime never see it. */
export function fullStateRequired(): DomainError {
  return new DomainError(FULL_STATE_REQUIRED, 'the command needs the full state of the stream');
}

export function requiresFullState(error: unknown): boolean {
  return error instanceof DomainError && error.code === FULL_STATE_REQUIRED;
}
