/** Wraps an event store: counts, times and logs appends, and adds trace fields to the metadata. */
import { Logger } from '@nestjs/common';
import { correlationIds, correlationContext } from '@tantieme/event-sourcing/process/correlation-context';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { Append, AppendResult, EventStore, Position } from '@tantieme/event-store/event-store';

import { traceContext, withTraceFields } from './trace-context.js';
import type { Metrics } from './metrics.js';

/** @param onAppended receives the position of the newest event of each append */
export function observedEventStore(
  store: EventStore,
  metrics: Metrics,
  onAppended: (position: Position) => void = () => undefined,
): EventStore {
  const logger = new Logger('EventStore');
  /** Logs with the correlation ids of the appended events, which may belong to many requests or to none. */
  const logAppends = (appends: readonly Append[], appended: Readonly<Record<string, number>>): void =>
    correlationContext.run(
      () =>
        correlationIds(
          appends.flatMap(({ events }) => events),
          ({ metadata }) => metadata.correlationId,
        ),
      () => logger.debug({ appended }, 'appended'),
    );

  const noteEnd = (results: readonly AppendResult[]): void => {
    let newest = 0n;
    for (const result of results)
      if (result.outcome === 'appended' && result.position > newest) newest = result.position;
    if (newest > 0n) onAppended(newest);
  };

  async function appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    const stopTimer = metrics.appendDuration.startTimer();
    const results = await store.appendMany(withTraces(appends));
    stopTimer();
    noteEnd(results);
    logAppends(appends, count(results, metrics));
    return results;
  }
  return {
    append: async (append) => {
      const stopTimer = metrics.appendDuration.startTimer();
      const [prepared = append] = withTraces([append]);
      const result = await store.append(prepared);
      stopTimer();
      noteEnd([result]);
      logAppends([append], count([result], metrics));
      return result;
    },
    appendMany,
    readStream: (stream, options) => store.readStream(stream, options),
    readStreams: (streams) => store.readStreams(streams),
    readAll: (options) => store.readAll(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    hashAt: (position) => store.hashAt(position),
    close: () => store.close(),
  };
}

function withTraces(appends: readonly Append[]): readonly Append[] {
  const fieldsOf = traceContext.getStore();
  if (fieldsOf === undefined || fieldsOf.size === 0) return appends;
  return appends.map((append) => ({
    ...append,
    events: append.events.map((event) => withTraceFields(event, fieldsOf)),
  }));
}

/** @returns the number of appended events by type. */
function count(results: readonly AppendResult[], metrics: Metrics): Readonly<Record<string, number>> {
  const byType = new Map<string, number>();
  for (const result of results)
    if (result.outcome === 'conflict') metrics.appendConflicts.inc({ category: categoryOf(result.stream) });
    else if (!result.repeated) for (const { type } of result.events) byType.set(type, (byType.get(type) ?? 0) + 1);
  for (const [type, events] of byType) metrics.eventsAppended.inc({ type }, events);
  return Object.fromEntries(byType);
}
