import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { assertMessageData } from '@tantieme/service-kit/http/message-data';

import { accountStream, periodKey } from '../account/account.js';
import { ACCOUNTS } from '../account/accounts.service.js';
import type { Accounts } from '../account/accounts.service.js';
import { paymentRecordedOf, statementOfPayout } from '../account/payment.js';
import type { PaymentReceipt } from './payment.dto.js';

@CommandRoles('finance')
export class RecordPayment {
  constructor(
    /** Not checked yet: the handler compares it with the schema of the message `payment`. */
    readonly payment: unknown,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(RecordPayment)
export class RecordPaymentHandler implements ICommandHandler<RecordPayment, PaymentReceipt> {
  constructor(@Inject(ACCOUNTS) private readonly accounts: Accounts) {}

  /** @throws {DomainError} `PaymentInvalid` (with the field), `PayoutUnknown`, `PaymentConflict` */
  async execute({ payment, context }: RecordPayment): Promise<PaymentReceipt> {
    assertMessageData('payment', payment, 'PaymentInvalid');
    const { payee, currency, calendar, period } = statementOfPayout(payment.payout);
    const { events, state } = await this.accounts.handle(
      accountStream(payee, currency),
      { type: 'record-payment', at: new Date().toISOString(), payment },
      context,
    );
    const newest = state.statements.get(periodKey(calendar, period))?.payment;
    if (newest === undefined) throw new Error(`the payment of ${payment.payout} was accepted but not recorded`);
    return { outcome: events.length > 0 ? 'accepted' : 'repeated', payment: paymentRecordedOf(newest) };
  }
}
