/**
 * Receives earnings and manifests from commission-calculation. Idempotent: repeated and older messages append nothing.
 * Earnings are stored in the ledger before any decision on them, so that a programme published meanwhile finds them
 * there.
 */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { originOf, Refusals, unexpected } from '@tantieme/event-sourcing/process/refusals';
import type { Made } from '@tantieme/event-sourcing/process/refusals';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Message } from '@tantieme/messaging/broker';

import type { Bonuses } from './bonuses.service.js';
import { measure } from './measuring.service.js';
import { ledgerStream, receivedEarningsOf } from '../ledger/earnings-ledger.js';
import type { EarningsCommand, ReceivedEarnings } from '../ledger/earnings-ledger.js';
import type { EarningsLedger } from '../ledger/earnings-ledger.service.js';
import { periodStream } from '../period/period.js';
import type { PeriodCommand } from '../period/period.js';
import type { Periods } from '../period/periods.service.js';
import { messageContext, serviceContext } from '../service-context.js';
import { ENTRIES_PER_EVENT, MEASURED_PER_EVENT } from '../limits.js';

export const COMMISSIONS_CONSUMER = 'rewards-commissions-consumer';

const MESSAGES_PER_BATCH = 1000;

/** The only source whose manifests close periods here. */
const COMMISSIONS_SOURCE = '/commission-calculation';

interface Receivers {
  readonly ledger: EarningsLedger;
  readonly periods: Periods;
  readonly bonuses: Bonuses;
}

export function commissionsConsumer(receivers: Receivers): Process<Received<Envelope>> {
  return {
    name: COMMISSIONS_CONSUMER,
    replicas: 'every-replica',
    source: topicSource({ group: 'rewards', topics: [TOPICS.commissions], batchSize: MESSAGES_PER_BATCH }),
    step: (batch) => receiveCommissions(receivers, batch),
  };
}

/** @param batch messages of one partition of the topic `commissions` */
export async function receiveCommissions(
  { ledger, periods, bonuses }: Receivers,
  batch: readonly Received<Envelope>[],
): Promise<readonly Refusal[]> {
  const refusals = new Refusals();
  const earnings: Made<ReceivedEarnings>[] = [];
  const pages: Made<Work<PeriodCommand>>[] = [];
  refusals.each(batch, (envelope, message) => {
    if (envelope.type === 'earnings-of-deal')
      earnings.push({ ...receivedEarningsOf(envelope.data, originOf(envelope), envelope.time), message });
    else if (envelope.type === 'period-manifest' && envelope.source === COMMISSIONS_SOURCE)
      pages.push({ ...manifestPageWork(envelope), message });
    else throw unexpected(envelope, 'rewards');
  });
  const received = earnings.map(({ message: _, ...one }) => one);
  await store(ledger, received, batch[0]?.message);
  for (const { index, error } of await measure(bonuses, received)) refusals.add(earnings[index]?.message, error);
  refusals.addRefused(pages, await periods.handleMany(pages));
  return refusals.all;
}

function manifestPageWork(envelope: EnvelopeOf<'period-manifest'>): Work<PeriodCommand> {
  const { calendar, period, page, pages } = envelope.data;
  return {
    stream: periodStream(calendar, period),
    command: { type: 'receive-manifest-page', at: envelope.time, calendar, period, page, pages },
    context: messageContext(envelope),
  };
}

async function store(
  ledger: EarningsLedger,
  earnings: readonly ReceivedEarnings[],
  first: Message | undefined,
): Promise<void> {
  if (first === undefined || earnings.length === 0) return;
  const stream = ledgerStream(first.partition, first.offset);
  const work: Work<EarningsCommand>[] = [];
  let entries: ReceivedEarnings[] = [];
  let measured = 0;
  const flush = (): void => {
    if (entries.length === 0) return;
    work.push({ stream, command: { type: 'receive-earnings', entries }, context: serviceContext(stream, stream) });
    entries = [];
    measured = 0;
  };
  for (const one of earnings) {
    entries.push(one);
    measured += one.measured.length;
    if (entries.length >= ENTRIES_PER_EVENT || measured >= MEASURED_PER_EVENT) flush();
  }
  flush();
  for (const result of await ledger.handleMany(work)) if (result.outcome === 'refused') throw result.error;
}
