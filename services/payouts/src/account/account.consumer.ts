/** Translates messages of commission-calculation, rewards and finance into commands of an account. */
import type { EnvelopeOf } from '@tantieme/contracts/envelope';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import { originOf } from '@tantieme/event-sourcing/process/refusals';

import { accountStream } from './account.js';
import type { AccountCommand } from './account.js';
import { statementOfPayout } from './payment.js';
import { messageContext } from '../service-context.js';

/** @throws {DomainError} `OriginMissing` */
export function ledgerLinesWork(
  envelope: EnvelopeOf<'earnings-of-deal'> | EnvelopeOf<'bonus-of-window'>,
): Work<AccountCommand> {
  const { time, data } = envelope;
  const { payee, currency, calendar } = data;
  const lines: readonly LedgerLine[] = data.lines;
  const key = 'deal' in data ? data.deal : data.window;
  return {
    stream: accountStream(payee, currency),
    command: {
      type: 'receive-ledger-lines',
      at: time,
      origin: originOf(envelope),
      key,
      currency,
      calendar,
      lines,
    },
    context: messageContext(envelope),
  };
}

/** @throws {DomainError} `PayoutUnknown` */
export function paymentWork(envelope: EnvelopeOf<'payment'>): Work<AccountCommand> {
  const { time, data: payment } = envelope;
  const { payee, currency } = statementOfPayout(payment.payout);
  return {
    stream: accountStream(payee, currency),
    command: { type: 'record-payment', at: time, payment },
    context: messageContext(envelope),
  };
}
