/** `tantieme read-model`: rebuilds tables of the read models from the event store. */
import { Argument, Command } from 'commander';
import { PROJECTIONS } from '@tantieme/all-in-one/projections';
import type { AnyProjection } from '@tantieme/event-sourcing/read-model/projection';
import { rebuildProjection } from '@tantieme/event-sourcing/process/rebuild';
import type { RebuildResult } from '@tantieme/event-sourcing/process/rebuild';
import { EMBEDDED, loadConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase, openShadowReadDatabase } from '@tantieme/service-kit/runtime/database';
import type { DatabaseConfig } from '@tantieme/service-kit/runtime/database';
import { withWholeEvents } from '@tantieme/event-store/run';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import type { EventStoreConfig } from '@tantieme/service-kit/runtime/event-store';
import { startProgress } from '../output/progress.js';
import { count, print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import { eventStoreFile } from './event-store-file.js';

interface RebuildOptions {
  readonly data?: string;
  readonly json?: boolean;
}

export function readModelCommand(): Command {
  const rebuild = new Command('rebuild')
    .description(
      'rebuild a read model from the event store and replace the live one with it; services may keep running',
    )
    .addArgument(new Argument('<name>', 'the read model').choices(PROJECTIONS.map(({ name }) => name)))
    .option('--data <directory>', 'data directory (TANTIEME_DATA; default: data/tantieme)')
    .option('--json', 'print JSON')
    .action(async (name: string, { data, json }: RebuildOptions) => {
      const config = loadConfig(process.env, { dataDirectory: data });
      for (const projection of PROJECTIONS.filter((one) => one.name === name)) {
        const { events, position, rows } = await rebuildConfigured(config, projection);
        if (json) printJson({ name, events, position: String(position), rows });
        else {
          print(
            table(
              [
                { title: 'table', of: ([tableName]) => tableName },
                { title: 'rows', of: ([, rowCount]) => rowCount, align: 'right' },
              ],
              Object.entries(rows),
            ),
          );
          print(`${name}: rebuilt from ${count(events, 'event')}, up to position ${position}`);
        }
      }
    });
  return new Command('read-model')
    .description('maintain the read models, the tables that the API reads')
    .addCommand(rebuild);
}

/** @throws if the data directory has no embedded event store */
async function rebuildConfigured(
  config: EventStoreConfig & DatabaseConfig,
  projection: AnyProjection,
): Promise<RebuildResult> {
  if (config.eventStore === EMBEDDED) eventStoreFile(config.dataDirectory);
  await using opened = new AsyncDisposableStack();
  const store = withWholeEvents(await openEventStore(config));
  opened.defer(() => store.close());
  const db = opened.use(await openReadDatabase(config));
  const shadow = await openShadowReadDatabase(config);
  opened.defer(() => shadow.db.destroy());
  const progress = startProgress('rebuild', 0, 'positions');
  opened.defer(() => progress.stop());
  return await rebuildProjection({
    store,
    db,
    shadow,
    projection,
    onProgress: ({ position, head }) => progress.update(Number(position), Number(head)),
  });
}
