/** Takes what commission-calculation and partner-registry say. Idempotent: what comes again means nothing new. */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Received } from '@tantieme/event-sourcing/process/consumer';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { DeadLetter, Message } from '@tantieme/messaging/broker';

import { keptOf, ledgerStream } from './ledger/ledger.js';
import type { KeptEarnings, LedgerCommand } from './ledger/ledger.js';
import { participantStream } from './participant/participant.js';
import type { ParticipantCommand } from './participant/participant.js';
import { periodStream } from './period/period.js';
import type { PeriodCommand } from './period/period.js';
import { measure } from './bonus/measuring.service.js';
import { serviceContext } from './runtimes.service.js';
import type { Runtimes } from './runtimes.service.js';

/** Whose manifests close our periods. */
const COMMISSIONS_SOURCE = '/commission-calculation';

/** Earnings an event of the ledger, so that it stays far below the 1 MiB that an append takes. */
const ENTRIES_PER_EVENT = 500;
const MEASURED_PER_EVENT = 2000;

/** A batch of the topic `commissions`, of one partition. */
export async function takeCommissions(
  runtimes: Runtimes,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const kept: KeptEarnings[] = [];
  const keptMessages: Message[] = [];
  const pages: Work<PeriodCommand>[] = [];
  const pageMessages: Message[] = [];
  for (const { envelope, message } of batch)
    try {
      if (envelope.type === 'earnings-of-deal') {
        kept.push(earningsOf(envelope));
        keptMessages.push(message);
      } else if (envelope.type === 'period-manifest' && envelope.source === COMMISSIONS_SOURCE) {
        pages.push(pageOf(envelope));
        pageMessages.push(message);
      } else
        deadLetters.push({
          message,
          reason: `a ${envelope.type} of ${envelope.source} has nothing to do with rewards`,
        });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      deadLetters.push({ message, reason: `${error.code}: ${error.message}` });
    }
  const refuse = (message: Message | undefined, { code, message: reason }: DomainError): void => {
    if (message !== undefined) deadLetters.push({ message, reason: `${code}: ${reason}` });
  };
  await keep(runtimes, kept, batch[0]?.message);
  for (const { index, error } of await measure(runtimes, kept)) refuse(keptMessages[index], error);
  for (const [index, result] of (await runtimes.periods.handleMany(pages)).entries())
    if (result.outcome === 'refused') refuse(pageMessages[index], result.error);
  return deadLetters;
}

function earningsOf({ stream, revision, time, data }: EnvelopeOf<'earnings-of-deal'>): KeptEarnings {
  if (stream === undefined || revision === undefined)
    throw new DomainError('OriginMissing', 'stream and revision of the origin are missing');
  return keptOf(data, { stream, revision }, time);
}

function pageOf({ id, time, correlationId, data }: EnvelopeOf<'period-manifest'>): Work<PeriodCommand> {
  const { calendar, period, page, pages } = data;
  return {
    stream: periodStream(calendar, period),
    command: { type: 'hear-page', at: time, calendar, period, page, pages },
    context: serviceContext(`message:${id}`, correlationId, id),
  };
}

/** Before any decision on them: a programme that is published meanwhile finds them here. */
async function keep(runtimes: Runtimes, earnings: readonly KeptEarnings[], first: Message | undefined): Promise<void> {
  if (first === undefined || earnings.length === 0) return;
  const stream = ledgerStream(first.partition, first.offset);
  const work: Work<LedgerCommand>[] = [];
  let entries: KeptEarnings[] = [];
  let measured = 0;
  const flush = (): void => {
    if (entries.length === 0) return;
    work.push({ stream, command: { type: 'keep-earnings', entries }, context: serviceContext(stream, stream) });
    entries = [];
    measured = 0;
  };
  for (const one of earnings) {
    entries.push(one);
    measured += one.measured.length;
    if (entries.length >= ENTRIES_PER_EVENT || measured >= MEASURED_PER_EVENT) flush();
  }
  flush();
  for (const result of await runtimes.ledger.handleMany(work)) if (result.outcome === 'refused') throw result.error;
}

/** A batch of the topic `partners`. */
export async function takePartners(
  runtimes: Runtimes,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const work: Work<ParticipantCommand>[] = [];
  for (const { envelope, message } of batch) {
    const { stream, revision } = envelope;
    if (envelope.type !== 'partner' || stream === undefined || revision === undefined) {
      deadLetters.push({ message, reason: 'this is no partner with stream and revision of its origin' });
      continue;
    }
    const { id, channel } = envelope.data;
    work.push({
      stream: participantStream(id),
      command: { type: 'take-partner', at: envelope.time, partner: id, channel, origin: { stream, revision } },
      context: serviceContext(`message:${envelope.id}`, envelope.correlationId, envelope.id),
    });
  }
  await runtimes.participants.handleMany(work);
  return deadLetters;
}
