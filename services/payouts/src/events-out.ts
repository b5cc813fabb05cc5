/** What payouts says to finance: the relay's messages, each a function of one event. */
import { encode } from '@tantieme/contracts/envelope';
import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import type { PayoutDue } from '@tantieme/contracts/payout';
import { TOPICS } from '@tantieme/contracts/topics';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import { account, isNothing } from './account/account.js';
import type { AccountEvent } from './account/account.js';
import { payoutId, recordedOf } from './payout/payment.js';

export const SOURCE = '/payouts';

/** Types of events that are announced. */
export const ANNOUNCED: readonly AccountEvent['type'][] = ['StatementIssued', 'StatementApproved', 'PaymentTaken'];

export function announcementsOf(stored: StoredEvent): readonly Publication[] {
  const event = parseDomainEvent<AccountEvent>(stored, account);
  switch (event.type) {
    case 'StatementIssued': {
      const { statement } = event.data;
      const value = encode('statement-issued', attributes(stored, statement.payee), statement);
      return [{ topic: TOPICS.payouts, message: { key: statement.payee, value } }];
    }
    case 'StatementApproved': {
      const payout = payoutOf(event);
      if (payout === undefined) return [];
      const value = encode('payout-due', attributes(stored, payout.payee), payout);
      return [{ topic: TOPICS.payouts, message: { key: payout.payee, value } }];
    }
    case 'PaymentTaken': {
      const { payee } = event.data;
      const value = encode('payment-recorded', attributes(stored, payee), recordedOf(event.data));
      return [{ topic: TOPICS.payouts, message: { key: payee, value } }];
    }
    case 'LedgerTaken':
      return [];
    default:
      return event satisfies never;
  }
}

/** The payment that an approval means; undefined where everything is carried. */
export function payoutOf({
  data,
}: Extract<AccountEvent, { readonly type: 'StatementApproved' }>): PayoutDue | undefined {
  const { statement, payee, currency, period, payable, parts, exchanged, by } = data;
  if (isNothing(payable)) return undefined;
  return {
    id: payoutId(statement),
    statement,
    payee,
    currency,
    period,
    amount: payable,
    ...(parts === undefined ? {} : { parts }),
    ...(exchanged === undefined ? {} : { exchanged }),
    approvedBy: by,
  };
}

function attributes(stored: StoredEvent, payee: string): EnvelopeAttributes {
  return { ...attributesOf(stored, SOURCE, payee), causationId: stored.id };
}
