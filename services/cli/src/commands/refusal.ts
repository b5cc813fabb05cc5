/** `tantieme refusal`: facts that were not accepted, with the place and the reason. */
import { Command, Option } from 'commander';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { dataOf, itemsOf } from '../server/client.js';
import type { Api, Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { resolve } from '../server/short-ids.js';
import { cellFaults } from './import.js';
import { printProposed } from './proposal.js';

type Refusal = Schemas['Refusal'];

interface RefusalFilter extends ServerOptions, ListOptions {
  readonly source?: string;
  readonly state: Refusal['state'] | 'all';
  readonly kind?: Refusal['kind'];
  readonly file?: string;
  readonly text?: string;
}

/** Ids are hashes: so many characters tell them apart, and a command takes that many. */
const ID_SHOWN = 12;

export function refusalCommand(): Command {
  return new Command('refusal')
    .description('facts that were refused, or that conflict with recorded ones')
    .addCommand(
      withLimit(serverCommand('list', 'refusals with file, row, column, cell and reason'))
        .option('--source <system>', 'of this source system')
        .addOption(new Option('--state <state>').choices(['open', 'resolved', 'all']).default('open'))
        .addOption(new Option('--kind <kind>').choices(['invalid', 'conflict']))
        .option('--file <name>', 'from a file of this name')
        .option('--text <text>', 'beginning of the deal, or part of the content or a reason')
        .action(async (options: RefusalFilter) => {
          const api = await connect(options, 'operator');
          const { source, kind, file, text } = options;
          const state = options.state === 'all' ? undefined : options.state;
          await printList<Refusal>(
            options,
            (query) =>
              api.GET('/refusals', {
                params: { query: omitUndefined({ ...query, source, state, kind, file, text }) },
              }),
            [
              { title: 'refusal', of: ({ id }) => id.slice(0, ID_SHOWN) },
              { title: 'file', of: (one) => one.file, rank: 2, text: true },
              { title: 'row', of: (one) => one.rows?.join(', '), align: 'right' },
              { title: 'deal', of: (one) => one.deal, rank: 1 },
              { title: 'why', of: ({ errors }) => cellFaults(errors), text: true },
              { title: 'state', of: (one) => one.state, rank: 3 },
            ],
          );
        }),
    )
    .addCommand(
      serverCommand('show', 'one refusal with all reasons and what was sent')
        .argument('<refusal>', 'its id, or the beginning of it')
        .action(async (id: string, options: ServerOptions) => {
          const api = await connect(options, 'operator');
          const params = { path: { id: await refusalId(api, id) } };
          const refusal = await dataOf(api.GET('/refusals/{id}', { params }));
          if (options.json) return printJson(refusal);
          const { discard } = refusal;
          const end = refusal.resolution ?? refusal.state;
          print(`${refusal.id} (${refusal.kind}, ${end})`);
          if (discard) print(`  discarded by ${discard.proposedBy} and ${discard.confirmedBy}: ${discard.reason}`);
          for (const fault of refusal.errors) print(`  ${cellFaults([fault])}`);
          print(refusal.raw);
        }),
    )
    .addCommand(
      serverCommand('retry', 'record refused facts again, from what was stored')
        .argument('<refusal...>', 'ids of refusals, or the beginnings of them')
        .action(async (ids: readonly string[], options: ServerOptions) => {
          const api = await connect(options, 'operator');
          for (const id of ids) {
            const params = { path: { id: await refusalId(api, id) } };
            const retried = await dataOf(api.POST('/refusals/{id}/retry', { params }));
            if (options.json) printJson(retried);
            else print(`${id}: ${retried.outcome}`);
          }
        }),
    )
    .addCommand(
      serverCommand('discard', 'propose that nobody has to correct refused facts; another person confirms it')
        .argument('<refusal...>', 'ids of refusals, or the beginnings of them')
        .requiredOption('--reason <reason>')
        .action(async (ids: readonly string[], options: ServerOptions & { readonly reason: string }) => {
          const api = await connect(options, 'operator');
          const body = { reason: options.reason };
          for (const typed of ids) {
            const params = { path: { id: await refusalId(api, typed) } };
            printProposed(await dataOf(api.POST('/refusals/{id}/discard', { params, body })), options);
          }
        }),
    );
}

async function refusalId(api: Api, typed: string): Promise<string> {
  if (/^[0-9a-f]{64}$/.test(typed)) return typed;
  const id = typed.toLowerCase();
  const refusals = await Array.fromAsync(
    itemsOf((query) => api.GET('/refusals', { params: { query: { ...query, id } } })),
  );
  return resolve(
    'refusal',
    [typed],
    refusals.map(({ id }) => id),
  );
}
