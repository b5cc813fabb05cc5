/** What a change is made of while it is calculated. */
import type { Rules } from '../earn/component-rules.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import type { Rated } from '../rate/rate.js';
import type { RecalculationMode } from './recalculation-scope.js';
import type { StateLine } from './state.js';

/** A line of the credit in hand, with what is known of it. */
export interface Draft extends MeasuredLine {
  readonly key: string;
  readonly rules: Rules;
  readonly mode: RecalculationMode;
  /** The line that the state holds under this key. */
  readonly held: StateLine | undefined;
  /** Whether it says the same as the held one. */
  readonly same: boolean;
  rated: Rated | undefined;
}

/** A held line that earns something else now. */
export interface Shift {
  readonly held: StateLine;
  readonly rated: Rated;
}
