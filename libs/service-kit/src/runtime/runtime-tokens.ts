/**
 * Injection tokens of the runtime module: `@Inject(EVENT_STORE) store: EventStore`, `@Inject(BROKER) broker: Broker`,
 * `@Inject(DATABASE) database: Kysely<…>` (one SQL database per process; table names start with the service),
 * `@Inject(CONFIG) config: RuntimeConfig`.
 */
export const EVENT_STORE = Symbol('EVENT_STORE');
export const BROKER = Symbol('BROKER');
export const DATABASE = Symbol('DATABASE');
export const CONFIG = Symbol('CONFIG');
/** Fails the start where log and checkpoints do not belong together: `log-check.ts`. */
export const LOG_CHECK = Symbol('LOG_CHECK');
/** Which background work runs in this application: `background.ts`. */
export const WORK_FILTER = Symbol('RUNS');
/** Elects the replica that runs a piece of background work; null for the embedded database: `leader-election.ts`. */
export const LEADER_ELECTION = Symbol('LEADER_ELECTION');
/** Traces; null without a collector: `tracing.ts`. */
export const TRACING = Symbol('TRACING');
