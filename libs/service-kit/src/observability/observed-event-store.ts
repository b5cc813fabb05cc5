/** An event store whose appends are counted and logged; what goes along with their cause is put into the metadata. */
import { Logger } from '@nestjs/common';
import { correlationIds, correlationContext } from '@tantieme/event-sourcing/process/correlation-context';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { Append, AppendResult, EventStore } from '@tantieme/event-store/event-store';

import { traceContext, withTrail } from './trace-context.js';
import type { Metrics } from './metrics.js';

export function observedEventStore(store: EventStore, metrics: Metrics): EventStore {
  const logger = new Logger('EventStore');
  /** With the ids of these very events: of a batch, or of what is done by nobody's request. */
  const tell = (appends: readonly Append[], appended: Readonly<Record<string, number>>): void =>
    correlationContext.run(
      () =>
        correlationIds(
          appends.flatMap(({ events }) => events),
          ({ metadata }) => metadata.correlationId,
        ),
      () => logger.debug({ appended }, 'appended'),
    );

  async function appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    const ended = metrics.appendDuration.startTimer();
    const results = await store.appendMany(withTrails(appends));
    ended();
    tell(appends, count(results, metrics));
    return results;
  }
  return {
    append: async (append) => {
      const ended = metrics.appendDuration.startTimer();
      const [prepared = append] = withTrails([append]);
      const result = await store.append(prepared);
      ended();
      tell([append], count([result], metrics));
      return result;
    },
    appendMany,
    readStream: (stream, options) => store.readStream(stream, options),
    readStreams: (streams) => store.readStreams(streams),
    readAll: (options) => store.readAll(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    close: () => store.close(),
  };
}

function withTrails(appends: readonly Append[]): readonly Append[] {
  const known = traceContext.getStore();
  if (known === undefined || known.size === 0) return appends;
  return appends.map((append) => ({
    ...append,
    events: append.events.map((event) => ({ ...event, metadata: withTrail(event.metadata, known) })),
  }));
}

/** @returns how many of each type were appended. */
function count(results: readonly AppendResult[], metrics: Metrics): Readonly<Record<string, number>> {
  const byType = new Map<string, number>();
  for (const result of results)
    if (result.outcome === 'conflict') metrics.appendConflicts.inc({ category: categoryOf(result.stream) });
    else if (!result.repeated) for (const { type } of result.events) byType.set(type, (byType.get(type) ?? 0) + 1);
  for (const [type, events] of byType) metrics.eventsAppended.inc({ type }, events);
  return Object.fromEntries(byType);
}
