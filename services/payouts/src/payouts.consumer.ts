/**
 * Receives ledger lines, manifests and payments. Idempotent: a message that is repeated, or older than what is stored,
 * appends nothing.
 */
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { Refusals, unexpected } from '@tantieme/event-sourcing/process/refusals';
import type { Made } from '@tantieme/event-sourcing/process/refusals';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';

import { ledgerLinesWork, paymentWork } from './account/account.consumer.js';
import type { AccountCommand } from './account/account.js';
import type { Accounts } from './account/accounts.service.js';
import { manifestPageWork } from './statement-run/statement-run.consumer.js';
import type { StatementRunCommand } from './statement-run/statement-run.js';
import type { StatementRuns } from './statement-run/statement-runs.service.js';

const MESSAGES_PER_BATCH = 1000;

export function payoutsConsumer(accounts: Accounts, statementRuns: StatementRuns): Process<Received<Envelope>> {
  return {
    name: 'payouts-consumer',
    replicas: 'every-replica',
    source: topicSource({
      group: 'payouts',
      topics: [TOPICS.commissions, TOPICS.rewards, TOPICS.paymentsInbound],
      batchSize: MESSAGES_PER_BATCH,
    }),
    step: (batch) => receiveMessages(accounts, statementRuns, batch),
  };
}

export async function receiveMessages(
  accounts: Accounts,
  statementRuns: StatementRuns,
  batch: readonly Received<Envelope>[],
): Promise<readonly Refusal[]> {
  const refusals = new Refusals();
  const forAccounts: Made<Work<AccountCommand>>[] = [];
  const forRuns: Made<Work<StatementRunCommand>>[] = [];
  refusals.each(batch, (envelope, message) => {
    switch (envelope.type) {
      case 'earnings-of-deal':
      case 'bonus-of-window':
        forAccounts.push({ ...ledgerLinesWork(envelope), message });
        return;
      case 'payment':
        forAccounts.push({ ...paymentWork(envelope), message });
        return;
      case 'period-manifest':
        forRuns.push({ ...manifestPageWork(envelope), message });
        return;
      default:
        throw unexpected(envelope, 'payouts');
    }
  });
  // Lines before manifests: a statement that is issued at once then finds the lines of the same batch.
  refusals.addRefused(forAccounts, await accounts.handleMany(forAccounts));
  refusals.addRefused(forRuns, await statementRuns.handleMany(forRuns));
  return refusals.all;
}
