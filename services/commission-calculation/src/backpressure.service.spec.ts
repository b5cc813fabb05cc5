import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { RunningProcess } from '@tantieme/event-sourcing/process/running-process';
import { createApplication } from '@tantieme/service-kit/application/application';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { Backpressure } from './backpressure.service.js';
import { Budgets } from './budget/budget.service.js';
import { CommissionCalculationModule } from './commission-calculation.module.js';
import { startCreditConsumer } from './credit/credit.consumer.js';
import { Crediting } from './credit/crediting.service.js';
import { startEarningConsumer } from './earning/earning.consumer.js';
import { Earning } from './earning/earning.service.js';
import { PayeeTermsUpdates } from './earning/payee-terms.service.js';
import { dealOf, partnerOf, PLAN, Service } from './testing/service.fixture.js';

const EVENTS_PER_STREAM = 500;

/** Far longer than a batch of one message takes. */
const WAIT_MS_MAX = 15_000;

let store: EventStore | undefined;
afterEach(() => store?.close());

/** A log of so many events. */
async function logOf(events: number): Promise<EventStore> {
  store = openSqliteEventStore(':memory:');
  const metadata = { actor: 'test', correlationId: 'c' };
  const occurredAt = '2026-01-01T00:00:00.000Z';
  const one = (id: number) => ({ id: `e-${id}`, type: 'Counted', version: 1, occurredAt, metadata, data: {} });
  for (let from = 0; from < events; from += EVENTS_PER_STREAM)
    await store.append({
      stream: `counter-${from}`,
      expectedRevision: 'no-stream',
      events: Array.from({ length: EVENTS_PER_STREAM }, (_, index) => one(from + index)),
    });
  return store;
}

/** A reader at a position; it advances only when somebody waits for it. */
function readerAt(position: bigint, isStuck = false): RunningProcess & { readonly waitedFor: bigint[] } {
  const waitedFor: bigint[] = [];
  return {
    name: 'reader',
    waitedFor,
    position: async () => position,
    waitFor: async (goal: bigint, signal?: AbortSignal) => {
      waitedFor.push(goal);
      if (isStuck)
        await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
      position = goal;
    },
    lastError: () => undefined,
    stop: async () => undefined,
  };
}

describe('backpressure', () => {
  it('holds appends up until every reader is near the end of the log', async () => {
    const readers = [readerAt(0n), readerAt(1500n)];
    await new Backpressure(await logOf(5000), () => readers).waitForReaders();
    expect(readers.map(({ waitedFor }) => waitedFor)).toEqual([[1000n], []]);
  });

  it('waits for nobody while the log is short', async () => {
    const reader = readerAt(0n);
    await new Backpressure(await logOf(3000), () => [reader]).waitForReaders();
    expect(reader.waitedFor).toEqual([]);
  });

  it('goes on without a reader that is stuck', async () => {
    const readers = [readerAt(0n, true), readerAt(0n)];
    await new Backpressure(await logOf(5000), () => readers).waitForReaders();
    expect(readers.map(({ waitedFor }) => waitedFor)).toEqual([[1000n], [1000n]]);
  });
});

describe('a consumer that appends', () => {
  it.each(['commission-credit', 'commission-earn'])(
    'waits for the readers after each batch: %s',
    async (work) => {
      const directory = mkdtempSync(join(tmpdir(), 'backpressure-'));
      const config = loadConfig({}, { dataDirectory: directory, logLevel: 'fatal' });
      const application = await createApplication(CommissionCalculationModule, config, (name) => name !== work);
      const service = Service.of(directory, application);
      let waits = 0;
      const backpressure = new (class extends Backpressure {
        override async waitForReaders(): Promise<void> {
          waits += 1;
        }
      })(service.store, () => []);
      const setup = {
        broker: service.broker,
        backpressure,
        onError: (error: unknown) => expect(error).toBeUndefined(),
      };
      const consumer =
        work === 'commission-credit'
          ? startCreditConsumer(setup, application.get(Crediting))
          : startEarningConsumer(
              setup,
              application.get(Earning),
              application.get(Budgets),
              application.get(PayeeTermsUpdates),
            );
      await service.send([
        { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
        { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
      ]);
      await service.idle();
      await service.send([{ kind: 'deal', deal: dealOf('D-1'), revision: 0 }]);
      for (const until = Date.now() + WAIT_MS_MAX; waits === 0 && Date.now() < until;) await pause(10);
      await consumer.stop();
      await service.end();
      expect(waits).toBeGreaterThan(0);
    },
    30_000,
  );
});
