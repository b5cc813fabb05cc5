/** What is measured and traced of a deal's way goes with it, past services that know nothing of it: in metadata and headers. */
import { AsyncLocalStorage } from 'node:async_hooks';

import type { EventMetadata } from '@tantieme/event-store/event-store';

export type Trail = Pick<EventMetadata, 'originRecordedAt' | 'traceparent'>;

/** Of what the running code answers: by the id of a message, or the correlation id of a request. Mostly there is nothing. */
export const traceContext = new AsyncLocalStorage<ReadonlyMap<string, Trail>>();

/** The metadata of an event that is appended now, with what goes along; the same object where nothing does. */
export function withTrail(metadata: EventMetadata, known: ReadonlyMap<string, Trail>): EventMetadata {
  const trail = known.get(metadata.causationId ?? metadata.correlationId);
  return trail === undefined ? metadata : { ...metadata, ...trail };
}
