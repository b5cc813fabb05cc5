/** The actor of events that no person caused. */
export const ACTOR = 'service:commission-calculation';

/** `source` of the messages that this service publishes. */
export const SOURCE = '/commission-calculation';
