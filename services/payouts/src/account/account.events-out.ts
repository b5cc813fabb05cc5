/** The messages that payouts publishes to finance, each a function of one event. */
import { encode } from '@tantieme/contracts/envelope';
import type { MessageData } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { PayoutDue } from '@tantieme/contracts/payout';
import { TOPICS } from '@tantieme/contracts/topics';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import { ACCOUNT_EVENTS } from './account.js';
import type { AccountEvent } from './account.js';
import { paymentRecordedOf, payoutId } from './payment.js';
import { isZero } from './statement.js';

const SOURCE = '/payouts';

/** Types of the events that are published. */
export const PUBLISHED_EVENTS: readonly AccountEvent['type'][] = [
  'StatementIssued',
  'StatementApproved',
  'PaymentRecorded',
];

export function messagesOf(stored: StoredEvent): readonly Publication[] {
  if (stored.type === 'LedgerLinesReceived') return [];
  const event = parseDomainEvent<AccountEvent>(stored, ACCOUNT_EVENTS);
  switch (event.type) {
    case 'StatementIssued':
      return [publication('statement-issued', stored, event.data.statement)];
    case 'StatementApproved': {
      const payout = payoutDueOf(event);
      return payout === undefined ? [] : [publication('payout-due', stored, payout)];
    }
    case 'PaymentRecorded':
      return [publication('payment-recorded', stored, paymentRecordedOf(event.data))];
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

function publication<Type extends 'statement-issued' | 'payout-due' | 'payment-recorded'>(
  type: Type,
  stored: StoredEvent,
  data: MessageData[Type],
): Publication {
  const attributes = { ...attributesOf(stored, SOURCE, data.payee), causationId: stored.id };
  return { topic: TOPICS.payouts, message: { key: data.payee, value: encode(type, attributes, data) } };
}
