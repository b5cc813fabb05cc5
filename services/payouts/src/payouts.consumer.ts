/**
 * Receives ledger lines, manifests and payments. Idempotent: a message that is repeated, or older than what is stored,
 * appends nothing.
 */
import type { Envelope } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Received } from '@tantieme/event-sourcing/process/consumer';
import type { Refused, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { DeadLetter, Message } from '@tantieme/messaging/broker';

import { ledgerLinesWork, paymentWork } from './account/account.consumer.js';
import type { AccountCommand } from './account/account.js';
import type { Accounts } from './account/accounts.service.js';
import { manifestPageWork } from './statement-run/statement-run.consumer.js';
import type { StatementRunCommand } from './statement-run/statement-run.js';
import type { StatementRuns } from './statement-run/statement-runs.service.js';

interface Sorted<Command> {
  readonly work: Work<Command>[];
  readonly messages: Message[];
}

export async function receiveMessages(
  accounts: Accounts,
  statementRuns: StatementRuns,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const forAccounts: Sorted<AccountCommand> = { work: [], messages: [] };
  const forRuns: Sorted<StatementRunCommand> = { work: [], messages: [] };
  for (const { envelope, message } of batch)
    try {
      sort(envelope, message, forAccounts, forRuns);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      deadLetters.push({ message, reason: reasonOf(error) });
    }
  // Lines before manifests: a statement that is issued at once then finds the lines of the same batch.
  deadLetters.push(...refusals(await accounts.handleMany(forAccounts.work), forAccounts.messages));
  deadLetters.push(...refusals(await statementRuns.handleMany(forRuns.work), forRuns.messages));
  return deadLetters;
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
    default:
      throw new DomainError('MessageUnexpected', `payouts does not consume messages of type ${envelope.type}`);
  }
}

function refusals(
  results: readonly ({ readonly outcome: 'accepted' } | Refused)[],
  messages: readonly Message[],
): readonly DeadLetter[] {
  return results.flatMap((result, index) => {
    const message = messages[index];
    return result.outcome === 'refused' && message !== undefined ? [{ message, reason: reasonOf(result.error) }] : [];
  });
}

function reasonOf({ code, message }: DomainError): string {
  return `${code}: ${message}`;
}
