/**
 * Earns credits, and handles what else is on the internal topic: child earnings, grants, claims on budgets and quotas.
 */
import type { Process } from '@tantieme/event-sourcing/process/process';
import { Refusals } from '@tantieme/event-sourcing/process/refusals';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Message } from '@tantieme/messaging/broker';
import { contextOf } from '../batch.consumer.js';
import { BATCH_MESSAGES } from '../limits.js';
import { isClaimsMessage, isGrantMessage } from '../budget/budget.events-out.js';
import type { ClaimsMessage } from '../budget/budget.events-out.js';
import type { Budgets } from '../budget/budget.service.js';
import { CREDITS_TOPIC, isCreditMessage } from '../credit/credit.events-out.js';
import { isQuotaMessage } from '../reference/quota.events-out.js';
import type { QuotaMessage } from '../reference/quota.events-out.js';
import { isChildEarningMessage } from './earning.events-out.js';
import type { Earning, EarningMessage } from './earning.service.js';
import type { PayeeTermsUpdates } from './payee-terms.service.js';

export const EARN_CONSUMER = 'commission-earn';

export function earningConsumer(
  earning: Earning,
  budgets: Budgets,
  payeeTerms: PayeeTermsUpdates,
): Process<Received<EarningMessage | ClaimsMessage | QuotaMessage>> {
  return {
    name: EARN_CONSUMER,
    replicas: 'every-replica',
    source: topicSource({
      group: EARN_CONSUMER,
      topics: [CREDITS_TOPIC],
      batchSize: BATCH_MESSAGES,
      decode: decodeInternalMessage,
    }),
    step: async (batch) => {
      const credits: { readonly credit: EarningMessage; readonly message: Message }[] = [];
      const claims: { readonly claim: ClaimsMessage; readonly message: Message }[] = [];
      const quotas: QuotaMessage[] = [];
      for (const { envelope, message } of batch)
        if (!('kind' in envelope) || envelope.kind === 'grant') credits.push({ credit: envelope, message });
        else if (envelope.kind === 'claims') claims.push({ claim: envelope, message });
        else quotas.push(envelope);
      const refusals = new Refusals();
      for (const { index, error } of await earning.earn(credits.map(({ credit }) => credit)))
        refusals.add(credits[index]?.message, error);
      for (const { index, error } of await budgets.receive(claims.map(({ claim }) => claim)))
        refusals.add(claims[index]?.message, error);
      // The update reads all current terms of the payee, so a second quota of the batch adds nothing.
      for (const quota of quotas) await payeeTerms.update([quota], quota.time, contextOf(quota));
      return refusals.all;
    },
  };
}

/** @throws {TypeError} for a text that is not a message of this service */
export function decodeInternalMessage(text: string): EarningMessage | ClaimsMessage | QuotaMessage {
  const value: unknown = JSON.parse(text);
  if (isCreditMessage(value) || isChildEarningMessage(value) || isQuotaMessage(value)) return value;
  if (isClaimsMessage(value) || isGrantMessage(value)) return value;
  throw new TypeError('the message is not one of commission-calculation');
}
