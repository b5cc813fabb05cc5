import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { PROJECTIONS } from '@tantieme/all-in-one/projections';
import type { AnyProjection } from '@tantieme/event-sourcing/process/projection';
import { rebuildProjection } from '@tantieme/event-sourcing/process/rebuild';
import type { RebuildResult } from '@tantieme/event-sourcing/process/rebuild';
import { EMBEDDED, loadConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase, openReadDatabaseBeside } from '@tantieme/service-kit/runtime/database';
import type { DatabaseConfig } from '@tantieme/service-kit/runtime/database';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import type { EventStoreConfig } from '@tantieme/service-kit/runtime/event-store';
import { startProgress } from '../output/progress.js';
import { print, printJson } from '../output/print.js';
import { table } from '../output/table.js';

interface RebuildOptions {
  readonly data?: string;
  readonly json?: boolean;
}

export function readModelCommand(): Command {
  const rebuild = new Command('rebuild')
    .description(
      'fill a read model anew from the event store, beside the live one, and put it in its place; services may run meanwhile',
    )
    .addArgument(new Argument('<name>', 'which one').choices(PROJECTIONS.map(({ name }) => name)))
    .option('--data <directory>', 'data directory (TANTIEME_DATA)')
    .option('--json', 'print JSON')
    .action(async (name: string, { data, json }: RebuildOptions) => {
      const config = loadConfig(process.env, data === undefined ? {} : { dataDirectory: data });
      for (const projection of PROJECTIONS.filter((one) => one.name === name)) {
        const { events, position, rows } = await rebuildConfigured(config, projection);
        if (json) printJson({ name, events, position: String(position), rows });
        else {
          print(
            table(
              [
                { title: 'table', of: ([of]) => of },
                { title: 'rows', of: ([, count]) => String(count), align: 'right' },
              ],
              Object.entries(rows),
            ),
          );
          print(`${name}: rebuilt from ${events} events, up to position ${position}`);
        }
      }
    });
  return new Command('read-model').description('work on the read models').addCommand(rebuild);
}

/** @throws where there is no event store in the data directory. */
async function rebuildConfigured(
  config: EventStoreConfig & DatabaseConfig,
  projection: AnyProjection,
): Promise<RebuildResult> {
  const path = join(config.dataDirectory, 'events.sqlite');
  if (config.eventStore === EMBEDDED && !existsSync(path)) throw new Error(`${path}: there is no event store`);
  await using opened = new AsyncDisposableStack();
  const store = await openEventStore(config);
  opened.defer(() => store.close());
  const db = opened.use(await openReadDatabase(config));
  const beside = await openReadDatabaseBeside(config);
  opened.defer(() => beside.db.destroy());
  const progress = startProgress('rebuild', 0, 'positions');
  opened.defer(() => progress.stop());
  return await rebuildProjection({
    store,
    db,
    shadow: beside,
    projection,
    onProgress: ({ position, head }) => progress.update(Number(position), Number(head)),
  });
}
