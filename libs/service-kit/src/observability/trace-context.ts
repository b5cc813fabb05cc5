/** Trace and start time of a deal travel in metadata and headers, also through services that do not use them. */
import { AsyncLocalStorage } from 'node:async_hooks';

import type { EventMetadata, NewEvent } from '@tantieme/event-store/event-store';

export type TraceFields = Pick<EventMetadata, 'originRecordedAt' | 'traceparent'>;

/** The fields of the messages or the request being handled, by message id or correlation id. Usually empty. */
export const traceContext = new AsyncLocalStorage<ReadonlyMap<string, TraceFields>>();

/** The event with the trace fields of its cause; the same object where there are none. */
export function withTraceFields(event: NewEvent, fieldsOf: ReadonlyMap<string, TraceFields>): NewEvent {
  const { metadata, causationId = metadata.correlationId } = event;
  const fields = fieldsOf.get(causationId);
  return fields === undefined ? event : { ...event, metadata: { ...metadata, ...fields } };
}
