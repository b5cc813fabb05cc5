import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { PaymentRecorded } from '@tantieme/contracts/payout';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { assertMessageData } from '@tantieme/service-kit/http/message-data';

import { accountStream, periodKey } from '../account/account.js';
import { recordedOf, statementOfPayout } from './payment.js';
import { Runtimes } from '../runtimes.service.js';

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

  /** @throws {DomainError} `PaymentInvalid` (with the field), `PayoutUnknown`, `PaymentConflict` */
  async execute({ payment, context }: TakePayment): Promise<PaymentAnswer> {
    assertMessageData('payment', payment, 'PaymentInvalid');
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
