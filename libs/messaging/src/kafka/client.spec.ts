import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { newKafka } from './client.js';
import type { KafkaLogLevel } from './options.js';

describe("kafkajs's queue of requests, as it is mended", () => {
  const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
  const logger = { debug: () => undefined };
  const queue = () =>
    new RequestQueue({ requestTimeout: 1000, clientId: 'c', broker: 'b', logger, isConnected: () => true });

  it('does not look for requests where none waits', () => {
    const idle = queue();
    idle.scheduleCheckPendingRequests();
    expect(idle.throttleCheckTimeoutId).toBeNull();
  });

  it('looks for those that wait', async () => {
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
  it('throws why, and says the rest in a low voice', async () => {
    const levels = new Set<KafkaLogLevel>();
    const admin = newKafka({ brokers: ['127.0.0.1:1'], log: (level) => levels.add(level) }).admin();
    await expect(admin.connect()).rejects.toThrow('ECONNREFUSED');
    expect([...levels]).toEqual(['debug']);
  });
});
