/** `source` of the messages that this service publishes. */
export const SOURCE = '/commission-calculation';
