/** `tantieme rate`: published exchange rates. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { positive, printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { dataOf } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { kindCommand } from './import.js';

interface SetOptions extends ServerOptions {
  readonly date: string;
  readonly source: string;
  readonly revision?: number;
}

export function rateCommand(): Command {
  return new Command('rate')
    .description('published exchange rates')
    .addCommand(
      serverCommand('set', 'record a published exchange rate')
        .argument('<base>', 'one unit of this currency: EUR')
        .argument('<quote>', 'costs the rate in this one: USD')
        .argument('<rate>', 'exact decimal: 1.0850')
        .requiredOption('--date <day>', 'day of publication: 2026-03-05')
        .requiredOption('--source <source>', 'who publishes it: ecb')
        .option('--revision <number>', 'a correction has a higher one', positive)
        .action(async (base: string, quote: string, rate: string, options: SetOptions) => {
          const api = await connect(options, 'source');
          const { date, source, revision } = options;
          const recorded = await dataOf(
            api.POST('/exchange-rates', { body: omitUndefined({ base, quote, rate, date, source, revision }) }),
          );
          if (options.json) printJson(recorded);
          else print(`1 ${base} = ${rate} ${quote} from ${date} on, by ${source}`);
        }),
    )
    .addCommand(
      serverCommand('withdraw', 'withdraw an exchange rate that was recorded by mistake, with its revisions below')
        .argument('<base>')
        .argument('<quote>')
        .requiredOption('--date <day>', 'day of publication: 2026-03-05')
        .requiredOption('--source <source>', 'who publishes it: ecb')
        .option('--revision <number>', 'the revision to withdraw; none if left out', positive)
        .action(async (base: string, quote: string, options: SetOptions) => {
          const api = await connect(options, 'source');
          const { date, source, revision } = options;
          const body = { base, quote, date, source, ...omitUndefined({ revision }), withdrawn: true } as const;
          const recorded = await dataOf(api.POST('/exchange-rates', { body }));
          if (options.json) printJson(recorded);
          else print(`${base}/${quote} of ${date}, by ${source}: withdrawn`);
        }),
    )
    .addCommand(kindCommand('exchange-rates', 'exchange rates from CSV or NDJSON', 'import'))
    .addCommand(
      withLimit(serverCommand('list', 'exchange rates by pair, date, source and revision'))
        .option('--base <currency>')
        .option('--quote <currency>')
        .action(async (options: ServerOptions & ListOptions & { base?: string; quote?: string }) => {
          const api = await connect(options, 'auditor');
          const { base, quote } = options;
          await printList(
            options,
            (query) => api.GET('/exchange-rates', { params: { query: omitUndefined({ ...query, base, quote }) } }),
            [
              { title: 'pair', of: (one) => `${one.base}/${one.quote}` },
              { title: 'date', of: (one) => one.date },
              { title: 'rate', of: (one) => one.rate, align: 'right' },
              { title: 'source', of: (one) => one.source },
              { title: 'revision', of: (one) => one.revision, align: 'right', rank: 1 },
              { title: 'withdrawn', of: (one) => (one.withdrawn === undefined ? undefined : 'yes'), rank: 2 },
            ],
          );
        }),
    );
}
