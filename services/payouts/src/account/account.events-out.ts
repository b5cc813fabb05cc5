/** The messages that payouts publishes to finance, each a function of one event. */
import { envelopeMessage } from '@tantieme/contracts/envelope';
import type { MessageData } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { PayoutDue } from '@tantieme/contracts/payout';
import { TOPICS } from '@tantieme/contracts/topics';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';

import { ACCOUNT, ACCOUNT_EVENTS } from './account.js';
import type { AccountEvent } from './account.js';
import { paymentRecordedOf, payoutId } from './payment.js';
import { isZero } from './statement.js';

const SOURCE = '/payouts';

const PUBLISHED: readonly AccountEvent['type'][] = [
  'StatementIssued',
  'StatementWithdrawn',
  'StatementApproved',
  'PaymentRecorded',
];

export const PAYOUTS: Publication = {
  name: 'payouts-relay',
  topic: TOPICS.payouts,
  filter: { categories: [ACCOUNT], types: PUBLISHED },
  toMessages: messagesOf,
};

function messagesOf(stored: StoredEvent): readonly OutgoingMessage[] {
  if (stored.type === 'LedgerLinesReceived') return [];
  const event = parseDomainEvent<AccountEvent>(stored, ACCOUNT_EVENTS);
  switch (event.type) {
    case 'StatementIssued':
      return [messageOf('statement-issued', stored, event.data.statement)];
    case 'StatementWithdrawn':
      return [messageOf('statement-withdrawn', stored, event.data)];
    case 'StatementApproved': {
      const payout = payoutDueOf(event);
      return payout === undefined ? [] : [messageOf('payout-due', stored, payout)];
    }
    case 'PaymentRecorded':
      return [messageOf('payment-recorded', stored, paymentRecordedOf(event.data))];
    case 'LedgerLinesReceived':
      return [];
    default:
      return event satisfies never;
  }
}

/** The payout that an approved statement causes; undefined if the statement pays nothing. */
export function payoutDueOf({
  data,
}: Extract<AccountEvent, { readonly type: 'StatementApproved' }>): PayoutDue | undefined {
  const { statement, payee, currency, period, payable, parts, exchanged, by } = data;
  if (isZero(payable)) return undefined;
  return omitUndefined({
    id: payoutId(statement),
    statement,
    payee,
    currency,
    period,
    amount: payable,
    parts,
    exchanged,
    approvedBy: by,
  });
}

function messageOf<Type extends 'statement-issued' | 'statement-withdrawn' | 'payout-due' | 'payment-recorded'>(
  type: Type,
  stored: StoredEvent,
  data: MessageData[Type],
): OutgoingMessage {
  return envelopeMessage(type, { ...attributesOf(stored, SOURCE, data.payee), causationId: stored.id }, data);
}
