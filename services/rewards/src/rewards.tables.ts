/** The read model of rewards: one projection fills the tables of programmes and bonuses. */
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';

import { BONUS, BONUS_EVENTS } from './bonus/bonus.js';
import type { BonusEvent, DecidedWindow } from './bonus/bonus.js';
import { replaceWindows } from './bonus/bonus.tables.js';
import type { BonusTables } from './bonus/bonus.tables.js';
import * as programmesAndBonuses from './migrations/0001-programmes-and-bonuses.js';
import { compileProgramme, PROGRAMME, PROGRAMME_EVENTS } from './programme/programme.js';
import type { Programme, ProgrammeDocument, ProgrammeEvent } from './programme/programme.js';
import { insertProgramme } from './programme/programme.tables.js';
import type { ProgrammeTables } from './programme/programme.tables.js';

export interface RewardsTables extends ProgrammeTables, BonusTables {}

export const readModel: Projection<RewardsTables> = {
  name: 'rewards-read-model',
  filter: { categories: [PROGRAMME, BONUS], types: ['ProgrammePublished', 'BonusDecided', 'BonusPeriodReopened'] },
  migrations: { owner: 'rewards', files: { '0001-programmes-and-bonuses': programmesAndBonuses } },
  tables: ['rewards_programmes', 'rewards_bonuses', 'rewards_bonus_periods'],
  apply,
};

const READ_EVENTS = { ...BONUS_EVENTS, ...PROGRAMME_EVENTS };

/** Of several decisions on one window only the last is written. */
async function apply(trx: Transaction<RewardsTables>, events: readonly StoredEvent[]): Promise<void> {
  const windows = new Map<string, { stream: string; payee: string; hash: string; decided: DecidedWindow }>();
  for (const stored of events) {
    const event = domainEventOf<BonusEvent | ProgrammeEvent>(stored, READ_EVENTS);
    if (event.type === 'ProgrammePublished') await insertProgramme(trx, event);
    if (event.type !== 'BonusDecided' && event.type !== 'BonusPeriodReopened') continue;
    const { payee, programme: hash } = event.data;
    for (const decided of event.data.windows)
      windows.set(`${stored.stream} ${decided.window}`, { stream: stored.stream, payee, hash, decided });
  }
  if (windows.size === 0) return;
  const programmes = await programmesByHash(trx);
  await replaceWindows(
    trx,
    windows.values().map(({ hash, ...window }) => {
      const programme = programmes.get(hash);
      if (programme === undefined)
        throw new Error(`${window.stream} names a programme with the hash ${hash}, which was not published`);
      return { ...window, programme };
    }),
  );
}

/** Reads all programmes: there are tens, not thousands. */
async function programmesByHash(trx: Transaction<ProgrammeTables>): Promise<ReadonlyMap<string, Programme>> {
  const rows = await trx.selectFrom('rewards_programmes').select(['hash', 'document']).execute();
  return new Map(rows.map(({ hash, document }) => [hash, compileProgramme(JSON.parse(document) as ProgrammeDocument)]));
}
