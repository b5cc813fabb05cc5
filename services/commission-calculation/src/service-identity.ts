/** Fills the tables of this service; a checkpoint of this name is how far. */
export const READ_MODEL = 'commission-read-model';

/** `source` of the messages that this service publishes. */
export const SOURCE = '/commission-calculation';
