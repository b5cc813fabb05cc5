/** Takes what commission-calculation, rewards and finance say: lines and payments into accounts, manifests into settlements. */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Received } from '@tantieme/event-sourcing/process/consumer';
import type { Refused, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { DeadLetter, Message } from '@tantieme/messaging/broker';

import { accountStream } from './account/account.js';
import type { AccountCommand } from './account/account.js';
import { statementOfPayout } from './payout/payment.js';
import { settlementStream } from './statement-run/statement-run.js';
import type { ManifestAuthor, SettlementCommand } from './statement-run/statement-run.js';
import { serviceContext } from './runtimes.service.js';
import type { Runtimes } from './runtimes.service.js';

/** Publishers by the `source` of their messages. */
const AUTHORS: ReadonlyMap<string, ManifestAuthor> = new Map([
  ['/commission-calculation', 'commissions'],
  ['/rewards', 'rewards'],
]);

interface Intake<Command> {
  readonly work: Work<Command>[];
  readonly messages: Message[];
}

/** Idempotent: a message that comes again, or is older than what is held, means nothing new. */
export async function takeMessages(
  runtimes: Runtimes,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const accounts: Intake<AccountCommand> = { work: [], messages: [] };
  const settlements: Intake<SettlementCommand> = { work: [], messages: [] };
  for (const { envelope, message } of batch) {
    const reason = sort(envelope, message, accounts, settlements);
    if (reason !== undefined) deadLetters.push({ message, reason });
  }
  // Lines before manifests: a statement that is tried at once then finds what came with it.
  deadLetters.push(...refusals(await runtimes.accounts.handleMany(accounts.work), accounts.messages));
  deadLetters.push(...refusals(await runtimes.settlements.handleMany(settlements.work), settlements.messages));
  return deadLetters;
}

/** @returns why the message can never be taken, if so. */
function sort(
  envelope: Envelope,
  message: Message,
  accounts: Intake<AccountCommand>,
  settlements: Intake<SettlementCommand>,
): string | undefined {
  switch (envelope.type) {
    case 'earnings-of-deal':
      return addLedger(accounts, message, envelope, envelope.data.deal);
    case 'bonus-of-window':
      return addLedger(accounts, message, envelope, envelope.data.window);
    case 'period-manifest':
      return addManifest(settlements, message, envelope);
    case 'payment':
      return addPayment(accounts, message, envelope);
    default:
      return `a message of type ${envelope.type} has nothing to do with payouts`;
  }
}

function addLedger(
  { work, messages }: Intake<AccountCommand>,
  message: Message,
  envelope: EnvelopeOf<'earnings-of-deal'> | EnvelopeOf<'bonus-of-window'>,
  key: string,
): string | undefined {
  const { stream, revision, time, data } = envelope;
  if (stream === undefined || revision === undefined) return 'stream and revision of the origin are missing';
  const { payee, currency, calendar }: { payee: string; currency: string; calendar: string } = data;
  const lines: readonly LedgerLine[] = data.lines;
  work.push({
    stream: accountStream(payee, currency),
    command: { type: 'take-ledger', at: time, origin: { stream, revision }, key, currency, calendar, lines },
    context: contextOf(envelope),
  });
  messages.push(message);
  return undefined;
}

function addManifest(
  { work, messages }: Intake<SettlementCommand>,
  message: Message,
  envelope: EnvelopeOf<'period-manifest'>,
): string | undefined {
  const author = AUTHORS.get(envelope.source);
  if (author === undefined) return `${envelope.source} closes no periods`;
  const { calendar, period, page, pages, entries } = envelope.data;
  work.push({
    stream: settlementStream(calendar, period),
    command: { type: 'take-manifest-page', at: envelope.time, author, calendar, period, page, pages, entries },
    context: contextOf(envelope),
  });
  messages.push(message);
  return undefined;
}

function addPayment(
  { work, messages }: Intake<AccountCommand>,
  message: Message,
  envelope: EnvelopeOf<'payment'>,
): string | undefined {
  const { time: at, data: payment } = envelope;
  try {
    const { payee, currency } = statementOfPayout(payment.payout);
    work.push({
      stream: accountStream(payee, currency),
      command: { type: 'take-payment', at, payment },
      context: contextOf(envelope),
    });
  } catch (error) {
    if (error instanceof DomainError) return reasonOf(error);
    throw error;
  }
  messages.push(message);
  return undefined;
}

function contextOf({ source, id, correlationId }: Envelope): Work<unknown>['context'] {
  return serviceContext(`message:${source}:${id}`, correlationId, id);
}

function refusals(
  results: readonly ({ readonly outcome: 'accepted' } | Refused)[],
  messages: readonly Message[],
): readonly DeadLetter[] {
  const deadLetters: DeadLetter[] = [];
  for (const [index, result] of results.entries()) {
    const message = messages[index];
    if (result.outcome === 'refused' && message !== undefined)
      deadLetters.push({ message, reason: reasonOf(result.error) });
  }
  return deadLetters;
}

function reasonOf({ code, message }: DomainError): string {
  return `${code}: ${message}`;
}
