/** Compares the adapter with the client alone, in one run on one server: appends of 32 streams at once, and reading. */
import { randomBytes, randomUUID } from 'node:crypto';
import { NO_STREAM } from '@eventstore/db-client';
import type { EventData } from '@eventstore/db-client';
import { FIRST_PREDECESSOR } from '../../chain.js';
import type { NewEvent, Position } from '../../event-store.js';
import { prepareAppends } from '../../prepared-append.js';
import { clientOf } from '../client.js';
import { openEsdbEventStore } from '../event-store.js';
import { propose } from '../recorded-event.js';

const STREAMS = 32;
/** Turns of each side, one after the other: a short disturbance of the machine meets both. */
const ROUNDS = 4;
const PAGE_EVENTS = 1000;

export interface ClientRate {
  readonly appendsPerSecond: number;
  /** Of the client's batch stream, with the same number of bytes. */
  readonly clientAppendsPerSecond: number;
  readonly appendToClient: number;
  readonly readAllPerSecond: number;
  readonly clientReadAllPerSecond: number;
  readonly readAllToClient: number;
}

/** @param connection of a server that need not be empty; nothing is deleted. */
export async function measureClientRate(connection: string, events: number): Promise<ClientRate> {
  const namespace = `bench${randomBytes(6).toString('hex')}`;
  const store = openEsdbEventStore(connection, { namespace });
  const client = clientOf(connection);
  const perStream = Math.ceil(events / STREAMS / ROUNDS);
  const perRound = perStream * STREAMS;
  const total = perRound * ROUNDS;

  /** Appends one event after the other to each of the streams. */
  const append = (round: string): Promise<void> =>
    atOnce(async (stream) => {
      for (let n = 0; n < perStream; n += 1) {
        const expectedRevision = n === 0 ? 'no-stream' : n - 1;
        await store.append({ stream: `deal-${round}.${stream}`, expectedRevision, events: [eventOf(randomUUID())] });
      }
    });
  const clientAppend = (round: string, sent: EventData[]): Promise<void> =>
    atOnce(async (stream) => {
      for (let n = 0; n < perStream; n += 1) {
        const expectedRevision = n === 0 ? NO_STREAM : BigInt(n - 1);
        await client.appendToStream(`client-${namespace}-${round}.${stream}`, sent.pop() ?? [], { expectedRevision });
      }
    });
  const read = async (after: Position): Promise<void> => {
    let count = 0;
    for (let end = false, from = after; !end;) {
      const page = await store.readAll({ after: from, limit: PAGE_EVENTS });
      count += page.events.length;
      from = page.through;
      end = page.end;
    }
    if (count !== total) throw new Error(`${count} of ${total} events were read`);
  };
  const clientRead = async (after: Position): Promise<void> => {
    let count = 0;
    const fromPosition = { commit: after, prepare: after };
    for await (const _ of client.readAll({ fromPosition, maxCount: total })) count += 1;
    if (count !== total) throw new Error(`the client read ${count} of ${total} events`);
  };

  try {
    let [appendMs, clientAppendMs, readMs, clientReadMs] = [0, 0, 0, 0];
    // The first round of each connects and compiles, and does not count.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const sent = Array.from({ length: perRound }, () => sentOf(randomUUID()));
      const ms = await millisecondsOf(() => append(String(round)));
      const clientMs = await millisecondsOf(() => clientAppend(String(round), sent));
      if (round > 0) [appendMs, clientAppendMs] = [appendMs + ms, clientAppendMs + clientMs];
    }
    const before = await store.head();
    for (let round = 0; round < ROUNDS; round += 1) await append(`read-${round}`);
    for (let round = 0; round <= ROUNDS; round += 1) {
      const ms = await millisecondsOf(() => read(before));
      const clientMs = await millisecondsOf(() => clientRead(before));
      if (round > 0) [readMs, clientReadMs] = [readMs + ms, clientReadMs + clientMs];
    }
    const rate = (count: number, ms: number): number => (count / ms) * 1000;
    return {
      appendsPerSecond: rate(total, appendMs),
      clientAppendsPerSecond: rate(total, clientAppendMs),
      appendToClient: clientAppendMs / appendMs,
      readAllPerSecond: rate(total * ROUNDS, readMs),
      clientReadAllPerSecond: rate(total * ROUNDS, clientReadMs),
      readAllToClient: clientReadMs / readMs,
    };
  } finally {
    await store.close();
    await client.dispose();
  }
}

async function atOnce(work: (stream: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: STREAMS }, (_, stream) => work(stream)));
}

async function millisecondsOf(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function eventOf(id: string): NewEvent {
  return {
    id,
    type: 'DealFactRecorded',
    version: 1,
    occurredAt: '2026-03-01T10:00:00.000Z',
    metadata: { actor: 'service:bench', correlationId: id },
    data: { text: 'x'.repeat(250) },
  };
}

/** An event as the adapter would send it. */
function sentOf(id: string): EventData {
  const append = { stream: 'deal-1', expectedRevision: 'no-stream' as const, events: [eventOf(id)] };
  const [prepared] = prepareAppends([append]);
  const [proposed] = prepared === undefined ? [] : propose(prepared, FIRST_PREDECESSOR);
  if (proposed === undefined) throw new Error('nothing was proposed');
  return { ...proposed.sent, contentType: 'application/octet-stream' };
}
