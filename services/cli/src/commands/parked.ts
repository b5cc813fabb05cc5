/** `tantieme parked`: messages that a process refused for good, and events that could not be published. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command, Option } from 'commander';
import { printList, withLimit } from './list.js';
import { printProposed } from './proposal.js';
import type { ListOptions } from './list.js';
import { hint, print, printJson } from '../output/print.js';
import { localTime } from '../output/time.js';
import { dataOf, itemsOf } from '../server/client.js';
import type { Api, Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { resolve, timeZoneFor } from '../server/short-ids.js';

type Parked = Schemas['ParkedRead'];

const STATUSES = ['parked', 'retrying', 'handled', 'discarded'] as const;

interface ParkedFilter extends ServerOptions, ListOptions {
  readonly status?: Parked['status'];
  readonly process?: string;
  readonly timeZone?: string;
}

/** Ids are UUIDs made from hashes: their first two groups tell them apart, and a command takes that much. */
const ID_SHOWN = 'xxxxxxxx-xxxx'.length;

export function parkedCommand(): Command {
  return new Command('parked')
    .description('messages that were refused for good, and events that could not be published')
    .addCommand(
      withLimit(serverCommand('list', 'parked items with origin and reason, newest first'))
        .addOption(new Option('--status <status>', '(default: what is still open)').choices(STATUSES))
        .option('--process <name>', 'that this process refused, such as deal-ingestion-inbound')
        .option('--time-zone <zone>', 'time zone of the times (default: that of the plans)')
        .action(async (options: ParkedFilter) => {
          const api = await connect(options, 'operator');
          const timeZone = await timeZoneFor(api, options.timeZone);
          const { status, process } = options;
          await printList<Parked>(
            options,
            (query) => api.GET('/parked', { params: { query: omitUndefined({ ...query, status, process }) } }),
            [
              { title: 'parked', of: ({ id }) => id.slice(0, ID_SHOWN) },
              { title: 'process', of: (one) => one.process, rank: 4 },
              { title: 'origin', of: (one) => one.origin, rank: 2 },
              { title: 'why', of: (one) => one.reason, text: true },
              { title: 'discarded', of: discardText, text: true },
              { title: 'status', of: (one) => one.status, rank: 1 },
              { title: 'since', of: (one) => localTime(one.parkedAt, timeZone), rank: 3 },
            ],
          );
        }),
    )
    .addCommand(
      serverCommand('retry', 'give parked items to the process that refused them again, once the cause is removed')
        .argument('<parked...>', 'ids of parked items, or the beginnings of them')
        .action(async (typed: readonly string[], options: ServerOptions) => {
          const api = await connect(options, 'operator');
          for (const id of await parkedIds(api, typed)) {
            const retried = await dataOf(api.POST('/parked/{id}/retry', { params: { path: { id } } }));
            if (options.json) printJson(retried);
            else print(`${id}: ${retried.status}`);
          }
          hint('what is handled is no longer listed; what is refused again is, with the reason: tantieme parked list');
        }),
    )
    .addCommand(
      serverCommand('discard', 'propose to discard parked items that no retry can mend; another person confirms it')
        .argument('<parked...>', 'ids of parked items, or the beginnings of them')
        .requiredOption('--reason <reason>')
        .action(async (typed: readonly string[], options: ServerOptions & { readonly reason: string }) => {
          const api = await connect(options, 'operator');
          const body = { reason: options.reason };
          for (const id of await parkedIds(api, typed))
            printProposed(await dataOf(api.POST('/parked/{id}/discard', { params: { path: { id } }, body })), options);
        }),
    );
}

function discardText({ discard }: Parked): string | undefined {
  return discard && `${discard.reason} (${discard.proposedBy}, ${discard.confirmedBy})`;
}

async function parkedIds(api: Api, typed: readonly string[]): Promise<readonly string[]> {
  if (typed.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))) return typed;
  const open = await Array.fromAsync(itemsOf<Parked>((query) => api.GET('/parked', { params: { query } })));
  const ids = open.map(({ id }) => id);
  return typed.map((id) => resolve('open parked item', [id], ids));
}
