import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { check } from '@tantieme/contracts/envelope';
import type { Payment, PaymentRecorded } from '@tantieme/contracts/payout';
import { DomainError } from '@tantieme/event-sourcing/decider';
import type { CommandContext } from '@tantieme/event-sourcing/runtime';
import { CommandRoles } from '@tantieme/service-kit/auth';

import { accountStream, periodKey } from '../domain/account.js';
import { recordedOf, statementOfPayout } from '../domain/payment.js';
import { Runtimes } from '../runtimes.js';

/** Takes what finance answers to a payout, as it came in. */
@CommandRoles('finance')
export class TakePayment {
  constructor(
    readonly payment: unknown,
    readonly context: CommandContext,
  ) {}
}

export interface PaymentAnswer {
  /** `repeated` where it, or a later one, was known. */
  readonly outcome: 'accepted' | 'repeated';
  /** The newest of the payout. */
  readonly payment: PaymentRecorded;
}

@CommandHandler(TakePayment)
export class TakePaymentHandler implements ICommandHandler<TakePayment, PaymentAnswer> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PaymentInvalid`, `PayoutUnknown`, `PaymentConflict` */
  async execute({ payment, context }: TakePayment): Promise<PaymentAnswer> {
    assertPayment(payment);
    const { payee, currency, calendar, period } = statementOfPayout(payment.payout);
    const { events, state } = await this.runtimes.accounts.handle(
      accountStream(payee, currency),
      { type: 'take-payment', at: new Date().toISOString(), payment },
      context,
    );
    const paid = state.statements.get(periodKey(calendar, period))?.paid;
    if (paid === undefined) throw new Error(`nothing became of a payment of ${payment.payout}`);
    return { outcome: events.length > 0 ? 'accepted' : 'repeated', payment: recordedOf(paid) };
  }
}

/** @throws {DomainError} `PaymentInvalid` with the field that the schema refuses */
function assertPayment(payment: unknown): asserts payment is Payment {
  const faults = check('payment', payment).map(({ field, reason }) => ({ field: field.replaceAll('/', '.'), reason }));
  if (faults.length === 0) return;
  const message = faults.map(({ field, reason }) => (field === '' ? reason : `${field} ${reason}`)).join('; ');
  throw new DomainError('PaymentInvalid', message, 'invalid', faults);
}
