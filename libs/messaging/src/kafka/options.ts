/** Options of the Kafka adapter. Does not import kafkajs, so that configuration code does not load it. */

export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster, from which the client learns the others. */
  readonly brokers: readonly string[];
  /** Name of this process in the logs and quotas of the brokers. Default: `tantieme`. */
  readonly clientId?: string | undefined;
  /** Enables TLS; `{}` trusts the certificate authorities that Node trusts. */
  readonly tls?: TlsOptions | undefined;
  readonly sasl?: SaslOptions | undefined;
  /** Prefix of the names of all topics and groups: separates installations that share a cluster. */
  readonly prefix?: string | undefined;
  /** Partitions of new topics. Default: 4. */
  readonly partitions?: number | undefined;
  /** Replicas per partition of new topics. Default: that of the cluster. */
  readonly replication?: number | undefined;
  /** Retention of new topics in days. Default: 30. */
  readonly retentionDays?: number | undefined;
  /** Milliseconds without a heartbeat after which a member loses its partitions. Default: 10,000. */
  readonly sessionMs?: number | undefined;
  readonly log?: KafkaLog | undefined;
}

/** PEM files. */
export interface TlsOptions {
  /** Certificate authorities of the brokers. */
  readonly caFile?: string | undefined;
  /** Certificate of this process, if the brokers require one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

export interface SaslOptions {
  readonly mechanism: SaslMechanism;
  readonly username: string;
  readonly password: string;
}

export type KafkaLogLevel = 'debug' | 'info' | 'warn';
export type KafkaLog = (level: KafkaLogLevel, message: string, details: Readonly<Record<string, unknown>>) => void;
