/**
 * What the runtime module gives to whoever injects it, by token:
 * `@Inject(EVENT_STORE) store: EventStore`, `@Inject(BROKER) broker: Broker`,
 * `@Inject(DATABASE) database: Kysely<…>` (one SQL database a process; tables are prefixed by service),
 * `@Inject(CONFIG) config: RuntimeConfig`.
 */
export const EVENT_STORE = Symbol('EVENT_STORE');
export const BROKER = Symbol('BROKER');
export const DATABASE = Symbol('DATABASE');
export const CONFIG = Symbol('CONFIG');
/** Which background works run in this application: `background.ts`. */
export const RUNS = Symbol('RUNS');
/** Takes turns with other replicas at what one of them does at a time; null where there are none: `turns.ts`. */
export const LEADER_ELECTION = Symbol('TURNS');
/** Traces, null where no collector is named: `tracing.ts`. */
export const TRACING = Symbol('TRACING');
