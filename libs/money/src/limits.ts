/** What this library holds at most, each with its reason. */

/** Most digits of a decimal: those of SQL's widest exact type, numeric(38). */
export const DECIMAL_DIGITS_MAX = 38;
