import { expect, it } from '@jest/globals';
import { EsdbServer } from '../server.fixture.js';
import { measureClientRate } from './client-rate.js';

it('measures appends and reads of the adapter beside those of the client', async () => {
  const server = await EsdbServer.start();
  try {
    const rate = await measureClientRate(server.url, 256);
    expect(rate.appendToClient).toBeCloseTo(rate.appendsPerSecond / rate.clientAppendsPerSecond, 6);
    expect(rate.readAllToClient).toBeCloseTo(rate.readAllPerSecond / rate.clientReadAllPerSecond, 6);
    expect(rate.appendToClient).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});
