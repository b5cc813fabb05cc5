/** A refusal of the engine. `code` is stable. */
export type EngineErrorCode = 'PlanInvalid' | 'PlanUnknown' | 'CreditInvalid' | 'ExpressionFailed';

export class EngineError extends Error {
  constructor(
    readonly code: EngineErrorCode,
    message: string,
  ) {
    super(message);
  }
}
