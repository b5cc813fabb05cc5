/** The actor of events that name none: a process of this service recorded them. */
export const SERVICE_ACTOR = 'service:deal-ingestion';
