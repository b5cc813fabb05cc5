import { describe, expect, it } from '@jest/globals';

import { ConfigError, DEVELOPMENT_ISSUER, isLoopback, loadConfig } from './config.js';
import { openEventStore } from './event-store.js';

describe('configuration', () => {
  it('listens on loopback with the development issuer by default', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      issuer: DEVELOPMENT_ISSUER,
      logLevel: 'info',
    });
  });

  it('reads the environment; options of the command line win over it', () => {
    const config = loadConfig({ TANTIEME_PORT: '9000', TANTIEME_LOG_LEVEL: 'warn' }, { port: 0 });
    expect(config).toMatchObject({ port: 0, logLevel: 'warn' });
  });

  it('ignores an empty variable', () => {
    expect(loadConfig({ TANTIEME_HOST: '', TANTIEME_ISSUER: '' }).host).toBe('127.0.0.1');
  });

  it.each([
    ['TANTIEME_PORT', '80a'],
    ['TANTIEME_PORT', '65536'],
    ['TANTIEME_PORT', '-1'],
    ['TANTIEME_PARTITIONS', '0'],
    ['TANTIEME_LOG_LEVEL', 'loud'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['TANTIEME_ISSUER', 'not a url'],
    ['TANTIEME_ISSUER', 'http://keys.example.com'],
    ['TANTIEME_JWKS_URL', 'ftp://keys.example.com'],
    ['TANTIEME_EVENT_STORE', 'https://admin:secret@events.example.com'],
    ['TANTIEME_EVENT_STORE_NAMESPACE', 'prod'],
  ])('refuses %s=%s and names the variable', (variable, value) => {
    expect(() => loadConfig({ [variable]: value })).toThrow(ConfigError);
    expect(() => loadConfig({ [variable]: value })).toThrow(variable);
  });

  it('stores events in the data directory, or in the server of a connection string', () => {
    expect(loadConfig({})).toMatchObject({ eventStore: 'embedded', eventStoreNamespace: '' });
    const env = { TANTIEME_EVENT_STORE: 'esdb+discover://events.example.com', TANTIEME_EVENT_STORE_NAMESPACE: 'prod' };
    expect(loadConfig(env)).toMatchObject({ eventStore: env.TANTIEME_EVENT_STORE, eventStoreNamespace: 'prod' });
    expect(() => loadConfig({ ...env, TANTIEME_EVENT_STORE_NAMESPACE: 'a-b' })).toThrow('_NAMESPACE');
  });

  it('names the variable of an invalid connection string, without its password', async () => {
    const config = loadConfig({ TANTIEME_EVENT_STORE: 'esdb://admin:secret@host:port' });
    await expect(openEventStore(config)).rejects.toThrow(ConfigError);
    await expect(openEventStore(config)).rejects.toThrow(/^TANTIEME_EVENT_STORE: ((?!secret).)*$/);
    expect(() => loadConfig({ TANTIEME_EVENT_STORE: 'http://admin:secret@host' })).toThrow(/^((?!secret).)*$/);
  });

  it('stores read models in the data directory, or in the PostgreSQL that a URL names', () => {
    expect(loadConfig({}).database).toBe('embedded');
    const url = 'postgres://tantieme:secret@db.example.com/read?sslmode=verify-full';
    expect(loadConfig({ TANTIEME_DATABASE: url }).database).toBe(url);
  });

  it.each([
    'mysql://admin:secret@host/read',
    'postgres://admin:secret@host',
    'postgres://secret',
    '/tmp/secret.sqlite',
  ])('refuses the database %s without quoting it', (url) => {
    expect(() => loadConfig({ TANTIEME_DATABASE: url })).toThrow(/^TANTIEME_DATABASE: ((?!secret).)*$/);
  });

  it.each(['0.0.0.0', '::', '192.168.1.10', 'tantieme.example.com', '127.0.0.1.example.com', '10.0.0.127'])(
    'refuses the development issuer on %s',
    (host) => {
      expect(() => loadConfig({ TANTIEME_HOST: host })).toThrow(/TANTIEME_HOST: .*development issuer/);
    },
  );

  it('listens on any address with an OIDC issuer', () => {
    const config = loadConfig({ TANTIEME_HOST: '0.0.0.0', TANTIEME_ISSUER: 'https://login.example.com' });
    expect(config).toMatchObject({ host: '0.0.0.0', issuer: 'https://login.example.com' });
  });

  it.each(['127.0.0.1', '127.8.9.1', '::1', 'localhost', 'LOCALHOST'])('recognises %s as loopback', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
});

describe('Kafka as the broker', () => {
  const kafkaOf = (more: Record<string, string> = {}) =>
    loadConfig({ TANTIEME_KAFKA: 'one:9092,[::1]:9093', ...more }).kafka;

  it('is selected by naming brokers, and only by that', () => {
    expect(loadConfig({ TANTIEME_KAFKA: '', TANTIEME_KAFKA_PREFIX: 'shop.' }).kafka).toBeUndefined();
    expect(kafkaOf()).toEqual({ brokers: ['one:9092', '[::1]:9093'] });
  });

  it('reads prefix, replicas, retention, session timeout, TLS and SASL from variables', () => {
    expect(
      kafkaOf({
        TANTIEME_KAFKA_PREFIX: 'shop.',
        TANTIEME_KAFKA_REPLICATION: '3',
        TANTIEME_KAFKA_RETENTION_DAYS: '90',
        TANTIEME_KAFKA_SESSION_MS: '3000',
        TANTIEME_KAFKA_TLS: 'true',
        TANTIEME_KAFKA_CA_FILE: '/etc/kafka/ca.pem',
        TANTIEME_KAFKA_SASL: 'scram-sha-512',
        TANTIEME_KAFKA_USERNAME: 'tantieme',
        TANTIEME_KAFKA_PASSWORD: 'secret',
      }),
    ).toEqual({
      brokers: ['one:9092', '[::1]:9093'],
      prefix: 'shop.',
      replication: 3,
      retentionDays: 90,
      sessionMs: 3000,
      tls: { caFile: '/etc/kafka/ca.pem' },
      sasl: { mechanism: 'scram-sha-512', username: 'tantieme', password: 'secret' },
    });
  });

  it.each([
    ['TANTIEME_KAFKA', { TANTIEME_KAFKA: 'one' }],
    ['TANTIEME_KAFKA', { TANTIEME_KAFKA: 'one:9092,' }],
    ['TANTIEME_KAFKA_PREFIX', { TANTIEME_KAFKA_PREFIX: 'a/b' }],
    ['TANTIEME_KAFKA_REPLICATION', { TANTIEME_KAFKA_REPLICATION: '0' }],
    ['TANTIEME_KAFKA_RETENTION_DAYS', { TANTIEME_KAFKA_RETENTION_DAYS: 'ever' }],
    ['TANTIEME_KAFKA_SESSION_MS', { TANTIEME_KAFKA_SESSION_MS: '10' }],
    ['TANTIEME_KAFKA_TLS', { TANTIEME_KAFKA_TLS: 'yes' }],
    ['TANTIEME_KAFKA_TLS', { TANTIEME_KAFKA_TLS: 'false', TANTIEME_KAFKA_CA_FILE: '/ca.pem' }],
    ['TANTIEME_KAFKA_KEY_FILE', { TANTIEME_KAFKA_CERT_FILE: '/cert.pem' }],
    ['TANTIEME_KAFKA_SASL', { TANTIEME_KAFKA_SASL: 'gssapi' }],
    ['TANTIEME_KAFKA_PASSWORD', { TANTIEME_KAFKA_SASL: 'scram-sha-256', TANTIEME_KAFKA_USERNAME: 'a' }],
    [
      'TANTIEME_KAFKA_SASL: "plain" sends the password in the clear',
      { TANTIEME_KAFKA_SASL: 'plain', TANTIEME_KAFKA_USERNAME: 'a', TANTIEME_KAFKA_PASSWORD: 'b' },
    ],
  ])('names the variable that is wrong: %s', (named, variables) => {
    expect(() => kafkaOf(variables)).toThrow(ConfigError);
    expect(() => kafkaOf(variables)).toThrow(named);
  });
});
