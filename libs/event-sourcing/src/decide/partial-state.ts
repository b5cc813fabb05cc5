/** States that keep only what the next command in order needs: see `tail-runtime.ts`. */
import { DomainError } from './decider.js';

/** What a decider knows of the tails of its states. */
export interface PartialStates<State> {
  /** True for a tail: it can decide some commands, and refuses the others with {@link historyNeeded}. */
  readonly isTail: (state: State) => boolean;
  /** True for a state that can be made a tail now; others stay as they are. */
  readonly canBeTail: (state: State) => boolean;
  /** Makes a state a tail, or a tail that has grown a small one. */
  readonly keepTail: (state: State) => void;
  /** True for a tail that is to be made small again where there is no room. */
  readonly hasGrown: (state: State) => boolean;
}

const HISTORY_NEEDED = 'HistoryNeeded';

/** A tail's refusal: the command needs the stream as a whole. It never reaches who calls the runtime. */
export function historyNeeded(): DomainError {
  return new DomainError(HISTORY_NEEDED, 'the stream is not in memory as a whole');
}

export function needsHistory(error: unknown): boolean {
  return error instanceof DomainError && error.code === HISTORY_NEEDED;
}
