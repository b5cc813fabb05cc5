/**
 * Receives ledger lines, manifests and payments. Idempotent: a message that is repeated, or older than what is stored,
 * appends nothing.
 */
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Refused, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Message } from '@tantieme/messaging/broker';

import { ledgerLinesWork, paymentWork } from './account/account.consumer.js';
import type { AccountCommand } from './account/account.js';
import type { Accounts } from './account/accounts.service.js';
import { closingStepWork, manifestPageWork } from './statement-run/statement-run.consumer.js';
import type { StatementRunCommand } from './statement-run/statement-run.js';
import type { StatementRuns } from './statement-run/statement-runs.service.js';

interface Sorted<Command> {
  readonly work: Work<Command>[];
  readonly messages: Message[];
}

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
  const refusals: Refusal[] = [];
  const forAccounts: Sorted<AccountCommand> = { work: [], messages: [] };
  const forRuns: Sorted<StatementRunCommand> = { work: [], messages: [] };
  for (const { envelope, message } of batch)
    try {
      sort(envelope, message, forAccounts, forRuns);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      refusals.push({ message, reason: reasonOf(error) });
    }
  // Lines before manifests: a statement that is issued at once then finds the lines of the same batch.
  refusals.push(...refusalsOf(await accounts.handleMany(forAccounts.work), forAccounts.messages));
  refusals.push(...refusalsOf(await statementRuns.handleMany(forRuns.work), forRuns.messages));
  return refusals;
}

/** @throws {DomainError} for a message that can never be accepted */
function sort(
  envelope: Envelope,
  message: Message,
  forAccounts: Sorted<AccountCommand>,
  forRuns: Sorted<StatementRunCommand>,
): void {
  switch (envelope.type) {
    case 'earnings-of-deal':
    case 'bonus-of-window':
      forAccounts.work.push(ledgerLinesWork(envelope));
      forAccounts.messages.push(message);
      return;
    case 'payment':
      forAccounts.work.push(paymentWork(envelope));
      forAccounts.messages.push(message);
      return;
    case 'period-manifest':
      forRuns.work.push(manifestPageWork(envelope));
      forRuns.messages.push(message);
      return;
    case 'closing-step': {
      const work = closingStepWork(envelope);
      if (work === undefined) return;
      forRuns.work.push(work);
      forRuns.messages.push(message);
      return;
    }
    default:
      throw new DomainError('MessageUnexpected', `payouts does not consume messages of type ${envelope.type}`);
  }
}

function refusalsOf(
  results: readonly ({ readonly outcome: 'accepted' } | Refused)[],
  messages: readonly Message[],
): readonly Refusal[] {
  return results.flatMap((result, index) => {
    const message = messages[index];
    return result.outcome === 'refused' && message !== undefined ? [{ message, reason: reasonOf(result.error) }] : [];
  });
}

function reasonOf({ code, message }: DomainError): string {
  return `${code}: ${message}`;
}
