/** Why a text is no amount, rate or currency. `code` is stable; `field` is set by whoever knows where the text stood. */

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

export class MoneyError extends Error {
  constructor(
    readonly code: MoneyErrorCode,
    readonly reason: string,
    readonly field?: string,
  ) {
    super(field === undefined ? reason : `${field}: ${reason}`);
  }

  /** The same refusal, told with the place where the text stood. */
  at(field: string): MoneyError {
    return new MoneyError(this.code, this.reason, field);
  }
}

/** A text for a message: short, and with everything visible. */
export function quoted(text: unknown): string {
  if (typeof text !== 'string') return `a ${typeof text}`;
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
