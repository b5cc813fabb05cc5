import { isIP } from 'node:net';
import { resolve } from 'node:path';

import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { oneOf } from '@tantieme/contracts/suggest';
import { SASL_MECHANISMS } from '@tantieme/messaging/kafka/options';
import type { KafkaOptions, SaslOptions, TlsOptions } from '@tantieme/messaging/kafka/options';

import { defaultMemoryMb } from './memory.js';
import { MEMORY_MB_MIN } from '../limits.js';

/** Levels of pino; `silent` logs nothing. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Issuer of the tokens that the local development issuer mints: `development-issuer.ts`. */
export const DEVELOPMENT_ISSUER = 'urn:tantieme:development';

/** Selects the embedded event store, or the embedded database of the read models: a file in the data directory. */
export const EMBEDDED = 'embedded';

/** Configuration of a process. `docs/operations.md` lists the variables. */
export interface RuntimeConfig {
  /** Absolute path of the folder that holds `events.sqlite`, `broker.sqlite`, `read.sqlite` and the locks. */
  readonly dataDirectory: string;
  /** `embedded`, or the connection string of an EventStoreDB or KurrentDB; may contain a password. */
  readonly eventStore: string;
  /** Prefix of all stream names, where several installations share an EventStoreDB; '' for none. */
  readonly eventStoreNamespace: string;
  /** `embedded`, or the URL of a PostgreSQL for the read models; may contain a password. */
  readonly database: string;
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** `iss` of the tokens that are accepted: the URL of an OIDC issuer, or `DEVELOPMENT_ISSUER`. */
  readonly issuer: string;
  /** `aud` of the tokens that are accepted. */
  readonly audience: string;
  /** URL of the issuer's keys; undefined for OIDC discovery. */
  readonly jwksUrl?: string | undefined;
  /** Claim with the roles; dots descend into objects (`realm_access.roles`). */
  readonly rolesClaim: string;
  /** Claim with the id of the partner that the caller acts for. */
  readonly partnerClaim: string;
  readonly logLevel: LogLevel;
  /** URL of an OpenTelemetry collector (OTLP over HTTP); undefined for no traces. */
  readonly tracesEndpoint?: string | undefined;
  /** Share of the traces begun here that are sampled: 0 to 1. */
  readonly tracesRatio: number;
  /** Partitions of new topics, fixed once a topic exists; undefined for the broker's default. */
  readonly partitions?: number | undefined;
  /** Kafka as the broker; undefined for the embedded one. */
  readonly kafka?: KafkaOptions | undefined;
  /** Largest request body, in bytes; NDJSON and CSV streams are not limited by it. */
  readonly bodyBytesMax: number;
  /** Memory of the process in MB, which its caches share. */
  readonly memoryMb: number;
  /** Seconds that requests in flight have to finish during a stop. */
  readonly stopSeconds: number;
}

/** Invalid configuration: `field` is the environment variable, or a file. */
export class ConfigError extends Error {
  readonly code = 'ConfigError';
  constructor(
    readonly field: string,
    readonly reason: string,
  ) {
    super(`${field}: ${reason}`);
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable that sets each field. */
export const VARIABLES: Readonly<Record<Exclude<keyof RuntimeConfig, 'kafka'>, string>> = {
  dataDirectory: 'TANTIEME_DATA',
  eventStore: 'TANTIEME_EVENT_STORE',
  eventStoreNamespace: 'TANTIEME_EVENT_STORE_NAMESPACE',
  database: 'TANTIEME_DATABASE',
  host: 'TANTIEME_HOST',
  port: 'TANTIEME_PORT',
  issuer: 'TANTIEME_ISSUER',
  audience: 'TANTIEME_AUDIENCE',
  jwksUrl: 'TANTIEME_JWKS_URL',
  rolesClaim: 'TANTIEME_ROLES_CLAIM',
  partnerClaim: 'TANTIEME_PARTNER_CLAIM',
  logLevel: 'TANTIEME_LOG_LEVEL',
  tracesEndpoint: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  tracesRatio: 'OTEL_TRACES_SAMPLER_ARG',
  partitions: 'TANTIEME_PARTITIONS',
  bodyBytesMax: 'TANTIEME_BODY_BYTES_MAX',
  memoryMb: 'TANTIEME_MEMORY_MB',
  stopSeconds: 'TANTIEME_STOP_SECONDS',
};

/** The environment variables of Kafka, which override options do not set one by one. */
export const KAFKA_VARIABLES = {
  brokers: 'TANTIEME_KAFKA',
  prefix: 'TANTIEME_KAFKA_PREFIX',
  replication: 'TANTIEME_KAFKA_REPLICATION',
  retentionDays: 'TANTIEME_KAFKA_RETENTION_DAYS',
  sessionMs: 'TANTIEME_KAFKA_SESSION_MS',
  tls: 'TANTIEME_KAFKA_TLS',
  caFile: 'TANTIEME_KAFKA_CA_FILE',
  certFile: 'TANTIEME_KAFKA_CERT_FILE',
  keyFile: 'TANTIEME_KAFKA_KEY_FILE',
  sasl: 'TANTIEME_KAFKA_SASL',
  username: 'TANTIEME_KAFKA_USERNAME',
  password: 'TANTIEME_KAFKA_PASSWORD',
} as const;

export type ConfigOverrides = { readonly [Field in keyof RuntimeConfig]?: RuntimeConfig[Field] | undefined };

/**
 * The configuration of this process: `overrides` (command line options) win over the environment, and it over the
 * defaults.
 * @throws {ConfigError} naming the variable and the reason; also for a public address with the development issuer.
 */
export function loadConfig(env: Environment, overrides: ConfigOverrides = {}): RuntimeConfig {
  const textOf = (field: keyof typeof VARIABLES, otherwise: string): string => {
    const value = overrides[field] ?? env[VARIABLES[field]];
    // `FOO=` in a compose file leaves an empty variable, which means the same as none.
    return value === undefined || value === '' ? otherwise : String(value);
  };
  const numberOf = (field: keyof typeof VARIABLES, otherwise: number, min: number, max: number): number =>
    wholeNumber(VARIABLES[field], textOf(field, String(otherwise)), min, max);
  const partitions = textOf('partitions', '');
  return checkConfig({
    dataDirectory: resolve(textOf('dataDirectory', 'data/tantieme')),
    eventStore: textOf('eventStore', EMBEDDED),
    eventStoreNamespace: textOf('eventStoreNamespace', ''),
    database: textOf('database', EMBEDDED),
    host: textOf('host', '127.0.0.1'),
    port: numberOf('port', 8080, 0, 65_535),
    issuer: textOf('issuer', DEVELOPMENT_ISSUER),
    audience: textOf('audience', 'tantieme'),
    jwksUrl: textOf('jwksUrl', '') || undefined,
    rolesClaim: textOf('rolesClaim', 'roles'),
    partnerClaim: textOf('partnerClaim', 'partner'),
    logLevel: logLevelOf(textOf('logLevel', 'info')),
    partitions: partitions === '' ? undefined : wholeNumber(VARIABLES.partitions, partitions, 1, 1024),
    tracesEndpoint: textOf('tracesEndpoint', '') || undefined,
    tracesRatio: ratioOf(textOf('tracesRatio', '1')),
    kafka: overrides.kafka ?? kafkaOf(env),
    bodyBytesMax: numberOf('bodyBytesMax', 1024 * 1024, 1024, 1024 * 1024 * 1024),
    memoryMb: numberOf('memoryMb', defaultMemoryMb(), MEMORY_MB_MIN, 1024 * 1024),
    stopSeconds: numberOf('stopSeconds', 20, 1, 3600),
  });
}

/** Checks what holds for every configuration, wherever it comes from. @throws {ConfigError} */
export function checkConfig(config: RuntimeConfig): RuntimeConfig {
  if (config.issuer === DEVELOPMENT_ISSUER && !isLoopback(config.host))
    throw new ConfigError(
      VARIABLES.host,
      `"${config.host}" is not a loopback address, and the development issuer gives everybody on this machine every role: ` +
        `set ${VARIABLES.issuer} to an OIDC issuer, or listen on 127.0.0.1`,
    );
  if (config.eventStore !== EMBEDDED && !/^(esdb|kurrentdb)(\+discover)?:\/\//.test(config.eventStore))
    // Not quoted: it may contain a password.
    throw new ConfigError(
      VARIABLES.eventStore,
      `must be "${EMBEDDED}" or a connection string that starts with esdb:// or kurrentdb://`,
    );
  if (config.eventStore === EMBEDDED && config.eventStoreNamespace !== '')
    throw new ConfigError(
      VARIABLES.eventStoreNamespace,
      `the embedded event store has no namespaces: remove it, or set ${VARIABLES.eventStore}`,
    );
  if (!/^\w*$/.test(config.eventStoreNamespace))
    throw new ConfigError(
      VARIABLES.eventStoreNamespace,
      `"${config.eventStoreNamespace}" may contain only letters, digits and _`,
    );
  if (config.database !== EMBEDDED && !isPostgresUrl(config.database))
    // Not quoted either: it may contain a password.
    throw new ConfigError(
      VARIABLES.database,
      `must be "${EMBEDDED}" or a URL postgres://user:password@host:5432/database`,
    );
  if (config.issuer !== DEVELOPMENT_ISSUER) checkUrl(VARIABLES.issuer, config.issuer, ['https:', 'http:']);
  if (config.tracesEndpoint !== undefined && !/^https?:\/\/./.test(config.tracesEndpoint))
    throw new ConfigError(
      VARIABLES.tracesEndpoint,
      `"${config.tracesEndpoint}" is not a URL that starts with http:// or https://`,
    );
  if (config.jwksUrl !== undefined) checkUrl(VARIABLES.jwksUrl, config.jwksUrl, ['https:', 'http:', 'file:']);
  return config;
}

/** Requires host and database, which the client would otherwise take from its own defaults. */
function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, pathname } = new URL(text);
  return hostname !== '' && pathname.length > 1;
}

/** True for addresses that only this machine can reach. `localhost` is loopback by RFC 6761. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** `host:port`, the host a name, an IPv4 address, or an IPv6 address in brackets. */
const BROKER_ADDRESS = /^(\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/;
/** Characters that Kafka allows in names; short enough to leave room for the name itself. */
const TOPIC_PREFIX = /^[\w.-]{1,100}$/;

/** Undefined where `TANTIEME_KAFKA` names no brokers. @throws {ConfigError} */
function kafkaOf(env: Environment): KafkaOptions | undefined {
  const textOf = (name: string): string | undefined => env[name] || undefined;
  const brokers = textOf(KAFKA_VARIABLES.brokers)?.split(',');
  if (brokers === undefined) return undefined;
  const wrong = brokers.find((address) => !BROKER_ADDRESS.test(address));
  if (wrong !== undefined)
    throw new ConfigError(KAFKA_VARIABLES.brokers, `"${wrong}" is not host:port, such as kafka-1:9092`);
  const prefix = textOf(KAFKA_VARIABLES.prefix);
  if (prefix !== undefined && !TOPIC_PREFIX.test(prefix))
    throw new ConfigError(
      KAFKA_VARIABLES.prefix,
      `"${prefix}" may contain only letters, digits, ".", "_" and "-", at most 100 of them`,
    );
  const numberOf = (name: string, min: number, max: number): number | undefined => {
    const text = textOf(name);
    return text === undefined ? undefined : wholeNumber(name, text, min, max);
  };
  const tls = kafkaTlsOf(textOf);
  const sasl = kafkaSaslOf(textOf);
  if (sasl?.mechanism === 'plain' && tls === undefined && !brokers.every(isLocalBroker))
    throw new ConfigError(
      KAFKA_VARIABLES.sasl,
      `"plain" sends the password in the clear: set ${KAFKA_VARIABLES.tls}=true`,
    );
  return omitUndefined({
    brokers,
    prefix,
    replication: numberOf(KAFKA_VARIABLES.replication, 1, 100),
    retentionDays: numberOf(KAFKA_VARIABLES.retentionDays, 1, 36_500),
    sessionMs: numberOf(KAFKA_VARIABLES.sessionMs, 1_000, 300_000),
    tls,
    sasl,
  });
}

function isLocalBroker(address: string): boolean {
  return isLoopback(address.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
}

/** TLS where it is switched on, or where one of its files is named. */
function kafkaTlsOf(textOf: (name: string) => string | undefined): TlsOptions | undefined {
  const wanted = textOf(KAFKA_VARIABLES.tls);
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false')
    throw new ConfigError(KAFKA_VARIABLES.tls, `"${wanted}" must be true or false`);
  const caFile = textOf(KAFKA_VARIABLES.caFile);
  const certFile = textOf(KAFKA_VARIABLES.certFile);
  const keyFile = textOf(KAFKA_VARIABLES.keyFile);
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new ConfigError(
      certFile === undefined ? KAFKA_VARIABLES.certFile : KAFKA_VARIABLES.keyFile,
      'a certificate needs its key, and a key its certificate: set both',
    );
  const files = omitUndefined({ caFile, certFile, keyFile });
  if (wanted === 'false' && Object.keys(files).length > 0)
    throw new ConfigError(KAFKA_VARIABLES.tls, 'is false although TLS files are named: remove it, or the files');
  return wanted === 'true' || Object.keys(files).length > 0 ? files : undefined;
}

function kafkaSaslOf(textOf: (name: string) => string | undefined): SaslOptions | undefined {
  const named = textOf(KAFKA_VARIABLES.sasl);
  if (named === undefined) return undefined;
  const mechanism = SASL_MECHANISMS.find((known) => known === named);
  if (mechanism === undefined)
    throw new ConfigError(KAFKA_VARIABLES.sasl, `"${named}" must be ${oneOf(SASL_MECHANISMS, named)}`);
  const required = (name: string): string => {
    const text = textOf(name);
    if (text === undefined) throw new ConfigError(name, `is required with ${KAFKA_VARIABLES.sasl}`);
    return text;
  };
  return {
    mechanism,
    username: required(KAFKA_VARIABLES.username),
    password: required(KAFKA_VARIABLES.password),
  };
}

function wholeNumber(field: string, text: string, min: number, max: number): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new ConfigError(field, `"${text}" is not a whole number from ${min} to ${max}`);
  return value;
}

function ratioOf(text: string): number {
  const ratio = /^\d(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(ratio <= 1)) throw new ConfigError(VARIABLES.tracesRatio, `"${text}" is not a number from 0 to 1`);
  return ratio;
}

function logLevelOf(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) throw new ConfigError(VARIABLES.logLevel, `"${text}" must be ${oneOf(LOG_LEVELS, text)}`);
  return level;
}

/** Plain http is allowed on this machine only: keys fetched over an unencrypted network could be forged. */
function checkUrl(field: string, text: string, protocols: readonly string[]): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !protocols.includes(url.protocol))
    throw new ConfigError(
      field,
      `"${text}" is not a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    );
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    throw new ConfigError(field, `"${text}" must start with https://: keys fetched over plain http could be forged`);
}
