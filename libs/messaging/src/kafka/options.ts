/** What the Kafka adapter can be told. Knows nothing of kafkajs, so that a configuration may name it without loading that. */

export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster, which tell the others. */
  readonly brokers: readonly string[];
  /** What the brokers' logs and quotas call this process. Default: `tantieme`. */
  readonly clientId?: string;
  /** TLS where it is given, `{}` with the authorities that Node knows. */
  readonly tls?: TlsOptions;
  readonly sasl?: SaslOptions;
  /** Goes before the names of all topics and groups, so that several installations share a cluster. */
  readonly prefix?: string;
  /** Partitions of a topic that is created. Default: 4. */
  readonly partitions?: number;
  /** Replicas of a partition of a topic that is created. Default: what the cluster has set. */
  readonly replication?: number;
  /** Days that a topic that is created keeps its messages; dead letters stay until somebody deletes them. Default: 30. */
  readonly retentionDays?: number;
  /** A member that was not heard of for so long loses its partitions to the others. Default: 10 000. */
  readonly sessionMs?: number;
  readonly log?: KafkaLog;
}

/** PEM files. */
export interface TlsOptions {
  /** Authorities that sign the brokers' certificates. */
  readonly caFile?: string;
  /** What this process shows of itself, where the brokers ask for it. */
  readonly certFile?: string;
  readonly keyFile?: string;
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
