import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import { decode, MESSAGE_BYTES_MAX } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import fc from 'fast-check';
import { openDeals } from '../deal-ingestion.module.js';
import { DEALS } from './deal.events-out.js';
import { booked, terms } from './deal.fixture.js';

let store: EventStore;
beforeEach(() => {
  store = openSqliteEventStore(':memory:');
});
afterEach(() => store.close());

const STREAM = 'deal-crm|D-1';
const context = (cause: string) => ({ actor: 'test', correlationId: 'c', cause });
/** `customer` makes the deal as large as the test needs. */
const dealOf = (lineCount: number, idLength: number): DealFact =>
  booked({
    terms: terms({
      lines: Array.from({ length: lineCount }, (_, index) => ({
        id: `${index}`.padEnd(idLength, 'x'),
        product: 'é'.repeat(200),
        net: '999999999999.99',
      })),
    }),
  });

describe('a deal that is recorded', () => {
  it('can be published, whatever its size and texts', async () => {
    const deals = openDeals(store);
    let number = 0;
    let refused = 0;
    const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 9 }), fc.constantFrom('a\tb', '1'.repeat(201), 'x'));
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.constantFrom('1.00', '999999999999.99', '9'.repeat(19), '-0', 'x'),
        async (text, net) => {
          number += 1;
          const fact = booked({ terms: terms({ customer: text, lines: [{ id: '1', category: text, net }] }) });
          try {
            await deals.handle(`deal-crm|D-${number}`, { fact, hash: String(number) }, context('c'));
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
            refused += 1;
          }
        },
      ),
      { numRuns: 200, seed: 16 },
    );
    const { events } = await store.readAll({ limit: 1000 });
    expect(events.length).toBe(number - refused);
    expect(Math.min(refused, events.length)).toBeGreaterThan(20);
    for (const stored of events)
      for (const message of DEALS.toMessages(stored)) expect(decode(message.value).type).toBe('deal');
  });

  it('is refused as too large for a message, and leaves the stream as it was', async () => {
    const deals = openDeals(store);
    const fact = dealOf(2000, 200);
    await expect(deals.handle(STREAM, { fact, hash: 'h' }, context('c'))).rejects.toMatchObject({
      code: 'MessageInvalid',
      message: expect.stringContaining(`at most ${MESSAGE_BYTES_MAX.toLocaleString('en-US')} are allowed`),
    });
    expect((await deals.load(STREAM)).revision).toBe('no-stream');
    const smaller = await deals.handle(STREAM, { fact: dealOf(500, 200), hash: 'h' }, context('c'));
    expect(smaller.revision).toBe(0);
  });
});
