import { isIP } from 'node:net';
import { resolve } from 'node:path';

import { SASL_MECHANISMS } from '@tantieme/messaging/kafka/options';
import type { KafkaOptions, SaslOptions, TlsOptions } from '@tantieme/messaging/kafka/options';

/** Levels of pino; `silent` logs nothing. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Issuer of the tokens that the local development issuer mints: `development-issuer.ts`. */
export const DEVELOPMENT_ISSUER = 'urn:tantieme:development';

/** The event store, or the read models' database, that needs nothing else: a file in the data directory. */
export const EMBEDDED = 'embedded';

/** Where a process keeps its data, where it listens, and whose tokens it believes. The README lists the variables. */
export interface RuntimeConfig {
  /** Absolute path of the folder that holds `events.sqlite`, `broker.sqlite`, `read.sqlite` and the locks. */
  readonly dataDirectory: string;
  /** `embedded` (a file in the data directory), or the connection string of an EventStoreDB or KurrentDB; may hold a password. */
  readonly eventStore: string;
  /** Stands before the names of streams where several systems share an EventStoreDB; '' where none does. */
  readonly eventStoreNamespace: string;
  /** `embedded` (a file in the data directory), or the URL of a PostgreSQL for the read models; may hold a password. */
  readonly database: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** `iss` of the tokens that are accepted: the URL of an OIDC issuer, or `DEVELOPMENT_ISSUER`. */
  readonly issuer: string;
  /** `aud` that a token must name. */
  readonly audience: string;
  /** Where the issuer's keys are; found by OIDC discovery where it is left out. */
  readonly jwksUrl?: string;
  /** Claim that holds the roles; dots go into objects (`realm_access.roles`). */
  readonly rolesClaim: string;
  /** Claim that holds the id of the partner that the caller acts for. */
  readonly partnerClaim: string;
  readonly logLevel: LogLevel;
  /** URL of an OpenTelemetry collector (OTLP over HTTP) that is sent the traces; nothing is traced where it is left out. */
  readonly tracesEndpoint?: string;
  /** Of the traces that begin here, how many are kept: from 0 to 1. */
  readonly tracesRatio: number;
  /** Partitions of a topic that comes into being, not to be changed once topics exist; the broker's own default where it is left out. */
  readonly partitions?: number;
  /** Kafka as the broker; the embedded one where it is left out. */
  readonly kafka?: KafkaOptions;
  /** Bytes of a request's body at the most; NDJSON and CSV streams are not bound by it. */
  readonly bodyBytesMax: number;
  /** Seconds that requests in flight get to finish once a stop was asked for. */
  readonly stopSeconds: number;
}

/** Configuration that cannot be used: `field` is the environment variable (or the field of the overrides). */
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

/** The variable that sets each field. */
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
  stopSeconds: 'TANTIEME_STOP_SECONDS',
};

/**
 * The configuration of this process: `overrides` (command line options) before the environment before the defaults.
 * @throws {ConfigError} naming the variable and the reason; also for a public address with the development issuer.
 */
export function loadConfig(env: Environment, overrides: Partial<RuntimeConfig> = {}): RuntimeConfig {
  const textOf = (field: keyof typeof VARIABLES, otherwise: string): string => {
    const value = overrides[field] ?? env[VARIABLES[field]];
    // An empty variable is what `FOO=` in a compose file leaves: the same as none.
    return value === undefined || value === '' ? otherwise : String(value);
  };
  const numberOf = (field: keyof typeof VARIABLES, otherwise: number, min: number, max: number): number =>
    wholeNumber(VARIABLES[field], textOf(field, String(otherwise)), min, max);
  const jwksUrl = textOf('jwksUrl', '');
  const partitions = textOf('partitions', '');
  const tracesEndpoint = textOf('tracesEndpoint', '');
  const kafka = overrides.kafka ?? kafkaOf(env);
  return checkConfig({
    dataDirectory: resolve(textOf('dataDirectory', 'data/tantieme')),
    eventStore: textOf('eventStore', EMBEDDED),
    eventStoreNamespace: textOf('eventStoreNamespace', ''),
    database: textOf('database', EMBEDDED),
    host: textOf('host', '127.0.0.1'),
    port: numberOf('port', 8080, 0, 65_535),
    issuer: textOf('issuer', DEVELOPMENT_ISSUER),
    audience: textOf('audience', 'tantieme'),
    ...(jwksUrl === '' ? {} : { jwksUrl }),
    rolesClaim: textOf('rolesClaim', 'roles'),
    partnerClaim: textOf('partnerClaim', 'partner'),
    logLevel: logLevelOf(textOf('logLevel', 'info')),
    ...(partitions === '' ? {} : { partitions: wholeNumber(VARIABLES.partitions, partitions, 1, 1024) }),
    ...(tracesEndpoint === '' ? {} : { tracesEndpoint }),
    tracesRatio: ratioOf(textOf('tracesRatio', '1')),
    ...(kafka === undefined ? {} : { kafka }),
    bodyBytesMax: numberOf('bodyBytesMax', 1024 * 1024, 1024, 1024 * 1024 * 1024),
    stopSeconds: numberOf('stopSeconds', 20, 1, 3600),
  });
}

/** What holds for every configuration, however it came about. @throws {ConfigError} */
export function checkConfig(config: RuntimeConfig): RuntimeConfig {
  if (config.issuer === DEVELOPMENT_ISSUER && !isLoopback(config.host))
    throw new ConfigError(
      VARIABLES.host,
      `"${config.host}" is no loopback address, and the development issuer lets everybody on this machine be everything: ` +
        `name an OIDC issuer in ${VARIABLES.issuer}, or listen on 127.0.0.1`,
    );
  if (config.eventStore !== EMBEDDED && !/^(esdb|kurrentdb)(\+discover)?:\/\//.test(config.eventStore))
    // Not quoted: it may hold a password.
    throw new ConfigError(
      VARIABLES.eventStore,
      `is neither "${EMBEDDED}" nor a connection string esdb://… or kurrentdb://…`,
    );
  if (config.eventStore === EMBEDDED && config.eventStoreNamespace !== '')
    throw new ConfigError(
      VARIABLES.eventStoreNamespace,
      'the embedded event store is never shared: it has no namespaces',
    );
  if (!/^\w*$/.test(config.eventStoreNamespace))
    throw new ConfigError(
      VARIABLES.eventStoreNamespace,
      `"${config.eventStoreNamespace}" has other than letters, digits and _`,
    );
  if (config.database !== EMBEDDED && !isPostgresUrl(config.database))
    // Not quoted either.
    throw new ConfigError(
      VARIABLES.database,
      `is neither "${EMBEDDED}" nor a URL postgres://user:password@host:5432/database`,
    );
  if (config.issuer !== DEVELOPMENT_ISSUER) checkUrl(VARIABLES.issuer, config.issuer, ['https:', 'http:']);
  if (config.tracesEndpoint !== undefined && !/^https?:\/\/./.test(config.tracesEndpoint))
    throw new ConfigError(VARIABLES.tracesEndpoint, `"${config.tracesEndpoint}" is no URL of http: https:`);
  if (config.jwksUrl !== undefined) checkUrl(VARIABLES.jwksUrl, config.jwksUrl, ['https:', 'http:', 'file:']);
  return config;
}

/** With a host and the name of a database, so that nothing is taken from elsewhere. */
function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, pathname } = new URL(text);
  return hostname !== '' && pathname.length > 1;
}

/** True for addresses that only this machine reaches. `localhost` is loopback by RFC 6761. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** `host:port`, the host a name, an IPv4 address, or an IPv6 address in brackets. */
const BROKER_ADDRESS = /^(\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/;
/** What Kafka takes in a name, and short enough to leave room for the name itself. */
const TOPIC_PREFIX = /^[\w.-]{1,100}$/;

/** Kafka where `TANTIEME_KAFKA` names brokers. @throws {ConfigError} */
function kafkaOf(env: Environment): KafkaOptions | undefined {
  const textOf = (name: string): string | undefined => env[name] || undefined;
  const brokers = textOf('TANTIEME_KAFKA')?.split(',');
  if (brokers === undefined) return undefined;
  const wrong = brokers.find((address) => !BROKER_ADDRESS.test(address));
  if (wrong !== undefined) throw new ConfigError('TANTIEME_KAFKA', `"${wrong}" is no host:port`);
  const prefix = textOf('TANTIEME_KAFKA_PREFIX');
  if (prefix !== undefined && !TOPIC_PREFIX.test(prefix))
    throw new ConfigError('TANTIEME_KAFKA_PREFIX', `"${prefix}" may have 100 letters, digits, ".", "_" and "-"`);
  const replication = textOf('TANTIEME_KAFKA_REPLICATION');
  const retentionDays = textOf('TANTIEME_KAFKA_RETENTION_DAYS');
  const sessionMs = textOf('TANTIEME_KAFKA_SESSION_MS');
  const tls = kafkaTlsOf(textOf);
  const sasl = kafkaSaslOf(textOf);
  if (sasl?.mechanism === 'plain' && tls === undefined && !brokers.every(isLocalBroker))
    throw new ConfigError(
      'TANTIEME_KAFKA_SASL',
      '"plain" sends the password in the clear: set TANTIEME_KAFKA_TLS=true',
    );
  return {
    brokers,
    ...(prefix === undefined ? {} : { prefix }),
    ...(replication === undefined
      ? {}
      : { replication: wholeNumber('TANTIEME_KAFKA_REPLICATION', replication, 1, 100) }),
    ...(retentionDays === undefined
      ? {}
      : { retentionDays: wholeNumber('TANTIEME_KAFKA_RETENTION_DAYS', retentionDays, 1, 36_500) }),
    ...(sessionMs === undefined
      ? {}
      : { sessionMs: wholeNumber('TANTIEME_KAFKA_SESSION_MS', sessionMs, 1_000, 300_000) }),
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
  };
}

function isLocalBroker(address: string): boolean {
  return isLoopback(address.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
}

/** TLS where it is asked for, or where a file of it is named. */
function kafkaTlsOf(textOf: (name: string) => string | undefined): TlsOptions | undefined {
  const wanted = textOf('TANTIEME_KAFKA_TLS');
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false')
    throw new ConfigError('TANTIEME_KAFKA_TLS', `"${wanted}" is neither true nor false`);
  const caFile = textOf('TANTIEME_KAFKA_CA_FILE');
  const certFile = textOf('TANTIEME_KAFKA_CERT_FILE');
  const keyFile = textOf('TANTIEME_KAFKA_KEY_FILE');
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new ConfigError(
      certFile === undefined ? 'TANTIEME_KAFKA_CERT_FILE' : 'TANTIEME_KAFKA_KEY_FILE',
      'a certificate and its key go together',
    );
  const files = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  if (wanted === 'false' && Object.keys(files).length > 0)
    throw new ConfigError('TANTIEME_KAFKA_TLS', 'is false, and files of TLS are named');
  return wanted === 'true' || Object.keys(files).length > 0 ? files : undefined;
}

function kafkaSaslOf(textOf: (name: string) => string | undefined): SaslOptions | undefined {
  const named = textOf('TANTIEME_KAFKA_SASL');
  if (named === undefined) return undefined;
  const mechanism = SASL_MECHANISMS.find((known) => known === named);
  if (mechanism === undefined)
    throw new ConfigError('TANTIEME_KAFKA_SASL', `"${named}" is none of ${SASL_MECHANISMS.join(', ')}`);
  const required = (name: string): string => {
    const text = textOf(name);
    if (text === undefined) throw new ConfigError(name, 'is needed with TANTIEME_KAFKA_SASL');
    return text;
  };
  return {
    mechanism,
    username: required('TANTIEME_KAFKA_USERNAME'),
    password: required('TANTIEME_KAFKA_PASSWORD'),
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
  if (level === undefined) throw new ConfigError(VARIABLES.logLevel, `"${text}" is none of ${LOG_LEVELS.join(', ')}`);
  return level;
}

/** Keys that come over a network in the clear could be anybody's: plain http is for this machine only. */
function checkUrl(field: string, text: string, protocols: readonly string[]): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !protocols.includes(url.protocol))
    throw new ConfigError(field, `"${text}" is no URL of ${protocols.join(' ')}`);
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    throw new ConfigError(field, `"${text}" must be https: keys fetched in the clear could be anybody's`);
}
