/** What can be wrong with an amount, rate, share or currency. */
export type MoneyErrorCode =
  | 'CurrencyUnknown'
  | 'AmountInvalid'
  | 'AmountTooLong'
  | 'AmountTooPrecise'
  | 'DecimalInvalid'
  | 'DecimalTooLong'
  | 'RateInvalid'
  | 'DivisionByZero'
  | 'SharesInvalid';

/**
 * A value that is not valid. `code` is stable, `reason` is for people, and `field` names the place if the caller knows
 * it.
 */
export class MoneyError extends Error {
  constructor(
    readonly code: MoneyErrorCode,
    readonly reason: string,
    readonly field?: string,
  ) {
    super(field === undefined ? reason : `${field}: ${reason}`);
  }

  /** The same error with the place of the value. */
  at(field: string): MoneyError {
    return new MoneyError(this.code, this.reason, field);
  }
}

/** A text for a message: shortened, with invisible characters escaped. */
export function quoted(text: unknown): string {
  if (typeof text !== 'string') return `a ${typeof text}`;
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
