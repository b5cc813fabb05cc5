/** `tantieme refusal`: input that was not accepted, with the place and the reason. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command, Option } from 'commander';
import { printList, withLimit } from '../output/list.js';
import type { ListOptions } from '../output/list.js';
import { print, printJson } from '../output/print.js';
import { dataOf } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

interface RefusalFilter extends ServerOptions, ListOptions {
  readonly source?: string;
  readonly state?: 'open' | 'resolved';
  readonly kind?: 'invalid' | 'conflict';
  readonly text?: string;
}

export function refusalCommand(): Command {
  return new Command('refusal')
    .description('facts that were refused, or that conflict with known ones')
    .addCommand(
      withLimit(serverCommand('list', 'refusals with file, row, field and reason'))
        .option('--source <system>', 'of this source system')
        .addOption(new Option('--state <state>').choices(['open', 'resolved']).default('open'))
        .addOption(new Option('--kind <kind>').choices(['invalid', 'conflict']))
        .option('--text <text>', 'part of the file name, the deal or a reason')
        .action(async (options: RefusalFilter) => {
          const api = await connect(options, 'operator');
          const { source, state, kind, text } = options;
          await printList(
            options,
            (query) =>
              api.GET('/refusals', { params: { query: omitUndefined({ ...query, source, state, kind, text }) } }),
            [
              { title: 'refusal', of: (one) => one.id },
              { title: 'file', of: (one) => one.file, rank: 1, text: true },
              { title: 'row', of: (one) => one.row, align: 'right' },
              { title: 'deal', of: (one) => one.deal, rank: 2 },
              {
                title: 'why',
                of: (one) => one.errors.map(({ field, reason }) => `${field}: ${reason}`).join('; '),
                text: true,
              },
            ],
          );
        }),
    )
    .addCommand(
      serverCommand('retry', 'record refused facts again, from what was stored')
        .argument('<refusal...>', 'ids of refusals')
        .action(async (ids: readonly string[], options: ServerOptions) => {
          const api = await connect(options, 'operator');
          for (const id of ids) {
            const retried = await dataOf(api.POST('/refusals/{id}/retry', { params: { path: { id } } }));
            if (options.json) printJson(retried);
            else print(`${id}: ${retried.outcome}`);
          }
        }),
    );
}
