export type PendingReason =
  | 'PartnerMissing'
  | 'PlanMissing'
  | 'PlanNotInForce'
  | 'AgreementMissing'
  | 'ExchangeRateMissing'
  | 'TermsMissing'
  | 'TermsInvalid'
  /**
   * The deal's credits exceed the size of an event. Set by the service, which also finds missing plans and agreements.
   */
  | 'DealTooLarge';

/** Why a deal, or a part of it, is not credited yet. Missing data is never guessed. */
export interface Pending {
  readonly code: PendingReason;
  /** What is missing or invalid: `partner:P1`, `plan:x`, `exchange-rate:EUR/USD`, `deal:crm|D-1`. */
  readonly subject: string;
  readonly message: string;
}
