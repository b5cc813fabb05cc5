import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { newKafka, type RequestQueue } from './client.js';
import type { KafkaLogLevel } from './options.js';

interface TestedQueue extends RequestQueue {
  readonly pending: unknown[];
  sendSocketRequest(request: unknown): void;
}

describe("kafkajs's patched request queue", () => {
  const KafkaRequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
    options: object,
  ) => TestedQueue;
  const logger = { debug: () => undefined };
  const queue = (): TestedQueue =>
    new KafkaRequestQueue({ requestTimeout: 1000, clientId: 'c', broker: 'b', logger, isConnected: () => true });

  it('schedules no check if no request is pending', () => {
    const idle = queue();
    idle.scheduleCheckPendingRequests();
    expect(idle.throttleCheckTimeoutId).toBeNull();
  });

  it('sends pending requests', async () => {
    const busy = queue();
    const sent: unknown[] = [];
    busy.sendSocketRequest = (request: unknown) => sent.push(request);
    busy.pending.push({ correlationId: 1 });
    busy.scheduleCheckPendingRequests();
    while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(sent).toEqual([{ correlationId: 1 }]);
    expect(busy.throttleCheckTimeoutId).toBeNull();
  });
});

describe('a client that reaches no broker', () => {
  it('throws the reason and logs the rest at the debug level', async () => {
    const levels = new Set<KafkaLogLevel>();
    const admin = newKafka({ brokers: ['127.0.0.1:1'], log: (level) => levels.add(level) }).admin();
    await expect(admin.connect()).rejects.toThrow('ECONNREFUSED');
    expect([...levels]).toEqual(['debug']);
  });
});
