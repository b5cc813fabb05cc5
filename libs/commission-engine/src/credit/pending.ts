/**
 * Codes of pending deals. commission-calculation lists one more, `QuotaMissing`, for a deal that is credited but earns
 * nothing until a quota is recorded.
 */
export type PendingReason =
  // Set by the engine, and by commission-calculation for a partner that it has never received.
  | 'PartnerMissing'
  // Set by the engine.
  | 'PlanNotInForce'
  | 'ExchangeRateMissing'
  | 'TermsMissing'
  // Set by the engine, and by commission-calculation if the engine cannot calculate the deal.
  | 'TermsInvalid'
  // Set by commission-calculation.
  | 'PlanMissing'
  | 'AgreementMissing'
  /** The credits of the deal exceed the size of an event. */
  | 'DealTooLarge';

/** Why a deal, or a part of it, is not credited yet. Missing data is never guessed. */
export interface Pending {
  readonly code: PendingReason;
  /** What is missing or invalid: `partner:P1`, `plan:x`, `exchange-rate:EUR/USD`, `deal:crm|D-1`. */
  readonly subject: string;
  readonly message: string;
}
