/** Stable: callers map them to problem types. */
export type EngineErrorCode = 'PlanInvalid' | 'PlanUnknown' | 'CreditInvalid' | 'ExpressionFailed';

/** Input that the engine refuses. */
export class EngineError extends Error {
  constructor(
    readonly code: EngineErrorCode,
    message: string,
  ) {
    super(message);
  }
}
