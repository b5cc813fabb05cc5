/** Imports whose server was killed: they never record their end. */
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process } from '@tantieme/event-sourcing/process/process';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { IMPORT_SILENCE_MS_MAX } from '../limits.js';
import type { ImportRuntime } from './import.commands.js';
import { importDecider, importOf, IMPORT_EVENTS } from './import.js';
import type { ImportEvent } from './import.js';

/**
 * @param aliveFromMs an import that was silent since before then is dead: the start of this server where it alone owns
 *   the event store. Undefined where another replica may run the import: then only long silence counts
 */
export function interruptedImports(imports: ImportRuntime, aliveFromMs: number | undefined): Process<StoredEvent> {
  /** Imports that have not ended, with the time of their last event. */
  const running = new Map<string, string>();
  return {
    name: 'deal-ingestion-interrupted-imports',
    replicas: 'one-replica',
    source: logSource({ categories: [importDecider.category] }),
    async step(events, { timers }) {
      for (const stored of events) {
        const { type, occurredAt } = domainEventOf<ImportEvent>(stored, IMPORT_EVENTS);
        if (type === 'ImportStarted' || type === 'ImportBatchRecorded') running.set(stored.stream, occurredAt);
        else running.delete(stored.stream);
      }
      const deadBeforeMs = aliveFromMs ?? timers.nowMs() - IMPORT_SILENCE_MS_MAX;
      const at = new Date(timers.nowMs()).toISOString();
      for (const [stream, lastAt] of running) {
        if (Date.parse(lastAt) >= deadBeforeMs) continue;
        const context = { correlationId: importOf(stream), cause: `${stream}:interrupted:${lastAt}` };
        await imports.handle(stream, { type: 'ImportInterrupted', data: {}, at }, context);
        running.delete(stream);
      }
      return running.size > 0 ? 'open' : undefined;
    },
  };
}
