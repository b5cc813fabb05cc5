import type { Rules } from '../earn/component-rules.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import type { Rated } from '../rate/rate.js';
import type { RecalculationMode } from './recalculation-scope.js';
import type { StateLine } from './state.js';

/** A line of the credit being applied, with what is known about it so far. */
export interface Draft extends MeasuredLine {
  readonly key: string;
  readonly rules: Rules;
  readonly mode: RecalculationMode;
  /** The line with this key in the state. */
  readonly existing: StateLine | undefined;
  /** Whether the line equals the existing one and has the same basis. */
  readonly isUnchanged: boolean;
  /** Undefined while, or because, its amount does not change. */
  rated: Rated | undefined;
}

/** An existing line whose amount changes. */
export interface Shift {
  readonly existing: StateLine;
  readonly rated: Rated;
}
