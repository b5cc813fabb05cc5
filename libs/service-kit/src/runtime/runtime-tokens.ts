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
export const WORK_FILTER = Symbol('WORK_FILTER');
/** By which the threads of one process tell each other how far they are; null where one thread runs everything. */
export const THREAD_CHANNEL = Symbol('THREAD_CHANNEL');
/** Locks by which replicas elect the one that runs a process. */
export const LEADERSHIP = Symbol('LEADERSHIP');
/** Topics that are views of the log, by name; empty with Kafka. */
export const TOPIC_VIEWS = Symbol('TOPIC_VIEWS');
/** Traces; null without a collector: `tracing.ts`. */
export const TRACING = Symbol('TRACING');
/** Clock, waiting and randomness of the processes; a simulation replaces them. */
export const TIMERS = Symbol('TIMERS');
/** Proposals to discard parked items: `discard-parked.ts`. */
export const PARKED_PROPOSALS = Symbol('PARKED_PROPOSALS');
