/**
 * Resolves refusals when the right fact is recorded. It follows the log in its order, so that a fact meets exactly the
 * refusals before it, and may handle the same events again: resolving is idempotent.
 */
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process } from '@tantieme/event-sourcing/process/process';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely } from 'kysely';
import { dealDecider, DEAL_EVENTS } from '../deal/deal.js';
import type { DealFactRecorded } from '../deal/deal.js';
import { factKeyOf } from '../deal/deal-fact.js';
import { MIGRATIONS } from '../migrations.js';
import { refusalDecider, refusalOf, REFUSAL_EVENTS } from '../refusal/refusal.js';
import type { RefusalEvent, RefusedFact } from '../refusal/refusal.js';
import type { FactRecorder } from './fact-recorder.service.js';
import { addOpenRefusals, openRefusalsOf, removeOpenRefusals } from './open-refusals.tables.js';
import type { OpenRefusalRow, OpenRefusalTables } from './open-refusals.tables.js';
import { resolutionOf } from './resolution.js';
import type { OpenRefusal } from './resolution.js';

export function refusalResolution(
  db: Kysely<OpenRefusalTables>,
  recorder: Pick<FactRecorder, 'resolve'>,
): Process<StoredEvent> {
  return {
    name: 'deal-ingestion-refusal-resolution',
    replicas: 'one-replica',
    source: logSource({ categories: [dealDecider.category, refusalDecider.category] }),
    prepare: () => migrate(db, MIGRATIONS),
    step: (events) => resolveIn(events, db, recorder),
  };
}

async function resolveIn(
  events: readonly StoredEvent[],
  db: Kysely<OpenRefusalTables>,
  recorder: Pick<FactRecorder, 'resolve'>,
): Promise<void> {
  const facts = events.flatMap((stored) => (stored.type === 'DealFactRecorded' ? [factOf(stored)] : []));
  const open = new Map<string, OpenRefusalRow>();
  for (const row of await openRefusalsOf(db, facts)) open.set(row.id, row);
  const added = new Map<string, OpenRefusalRow>();
  const resolved = new Set<string>();
  for (const stored of events) {
    if (stored.type === 'DealFactRecorded') {
      const { hash, ...fact } = factOf(stored);
      for (const [id, refusal] of [...open, ...added]) {
        const resolution = resolved.has(id) ? undefined : resolutionOf(openRefusal(refusal), fact);
        if (resolution === undefined) continue;
        const { correlationId } = metadataOf(stored);
        await recorder.resolve(id, resolution, hash, { correlationId, causationId: stored.id });
        resolved.add(id);
      }
      continue;
    }
    const id = refusalOf(stored.stream);
    const { type, data } = domainEventOf<RefusalEvent>(stored, REFUSAL_EVENTS);
    if (type === 'RefusedPartStored') continue;
    if (type === 'RefusalResolved' || type === 'RefusalDiscarded') resolved.add(id);
    else if (isAboutKnownFact(data))
      added.set(id, { id, kind: data.kind, source: data.source, deal: data.deal, fact: data.fact });
  }
  await addOpenRefusals(
    db,
    [...added.values()].filter(({ id }) => !resolved.has(id)),
  );
  await removeOpenRefusals(db, [...resolved]);
}

function factOf(stored: StoredEvent) {
  const { fact, hash } = domainEventOf<DealFactRecorded>(stored, DEAL_EVENTS).data;
  return { source: fact.source, deal: fact.deal, key: factKeyOf(fact), hash };
}

function openRefusal({ kind, ...row }: OpenRefusalRow): OpenRefusal {
  return { ...row, kind: kind === 'conflict' ? 'conflict' : 'invalid' };
}

/** Nothing resolves a refusal by itself whose fact cannot be told from others. */
function isAboutKnownFact(
  data: RefusedFact,
): data is RefusedFact & { readonly source: string; readonly deal: string; readonly fact: string } {
  return data.source !== undefined && data.deal !== undefined && data.fact !== undefined;
}
