import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

describe('a broker that Maven cannot fetch', () => {
  const before = { ...process.env };
  beforeAll(() => {
    Object.assign(process.env, { DOCKER_HOST: 'tcp://127.0.0.1:1', TANTIEME_TEST_KAFKA_VERSION: '0.0.0' });
    delete process.env['TANTIEME_TEST_KAFKA'];
  });
  afterAll(() => void (process.env = before));
  const start = async (ci: string): Promise<unknown> => {
    process.env['CI'] = ci;
    const { startKafkaServer } = await import('./kafka-server.js');
    return startKafkaServer();
  };
  // Without Java and Maven, it is not even tried.
  const reason = /^no Kafka: (0\.0\.0 cannot be fetched|install)/;

  it('skips the suites that need it, by name', async () => {
    expect(await start('')).toEqual({ missing: expect.stringMatching(reason) });
  });

  it('is a failure in CI', async () => {
    await expect(start('true')).rejects.toThrow(reason);
  });
});
