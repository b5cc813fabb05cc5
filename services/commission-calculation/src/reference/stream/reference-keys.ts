/** Names of reference streams, and keys of what credits look up. */

export const REFERENCE = 'reference';

export function partnerKey(partner: string): string {
  return `partner:${partner}`;
}

export function planKey(plan: string): string {
  return `plan:${plan}`;
}

/** Of amounts in `base` that are converted to `quote`. */
export function exchangeRateKey(base: string, quote: string): string {
  return `exchange-rate:${base}/${quote}`;
}

export interface CurrencyPair {
  readonly base: string;
  readonly quote: string;
}

/** The pair of an `exchangeRateKey`. */
export function pairOfKey(key: string): CurrencyPair {
  const [base = '', quote = ''] = key.slice('exchange-rate:'.length).split('/');
  return { base, quote };
}

export function partnerStream(partner: string): string {
  return `${REFERENCE}-${partnerKey(partner)}`;
}

/** The partner's id, from the name of its stream. */
export function partnerOfStream(stream: string): string {
  return stream.slice(partnerStream('').length);
}

/** One stream per pair, named in text order: it holds the rates of both directions. */
export function exchangeRateStream(base: string, quote: string): string {
  return `${REFERENCE}-${base < quote ? exchangeRateKey(base, quote) : exchangeRateKey(quote, base)}`;
}

export function quotaStream(payee: string, plan: string): string {
  return `${REFERENCE}-quota:${payee}|${plan}`;
}
