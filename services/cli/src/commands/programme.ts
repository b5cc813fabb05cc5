/** `tantieme programme` and `bonus`: incentive programmes and what participants got from them. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parse } from 'yaml';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { localTime } from '../output/time.js';
import { dataOf } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { partnerNames } from '../server/partner-names.js';

export function programmeCommand(): Command {
  return new Command('programme')
    .description('incentive programmes')
    .addCommand(
      serverCommand('publish', 'publish a programme; the same document again changes nothing')
        .argument('<file>', 'programme document, YAML or JSON')
        .action(async (file: string, options: ServerOptions) => {
          const api = await connect(options, 'plan-designer');
          const published = await dataOf(api.POST('/programmes', { body: parse(readFileSync(file, 'utf8')) }));
          if (options.json) printJson(published);
          else print(`${published.programme} is published`);
        }),
    )
    .addCommand(
      withLimit(serverCommand('list', 'published programmes')).action(async (options: ServerOptions & ListOptions) => {
        const api = await connect(options, 'auditor');
        await printList(options, (query) => api.GET('/programmes', { params: { query } }), [
          { title: 'programme', of: (one) => one.programme },
          { title: 'title', of: (one) => one.document.title, text: true },
          { title: 'published (UTC)', of: (one) => localTime(one.publishedAt, 'UTC') },
          { title: 'by', of: (one) => one.publishedBy, rank: 1, text: true },
        ]);
      }),
    )
    .addCommand(
      serverCommand('show', 'a programme as it was published')
        .argument('<id>')
        .action(async (id: string, options: ServerOptions) => {
          const api = await connect(options, 'auditor');
          const programme = await dataOf(api.GET('/programmes/{id}', { params: { path: { id } } }));
          printJson(options.json ? programme : programme.document);
        }),
    );
}

interface BonusFilter extends ServerOptions, ListOptions {
  readonly programme?: string;
  readonly payee?: string;
  readonly window?: string;
}

export function bonusCommand(): Command {
  return new Command('bonus').description('bonuses of programmes').addCommand(
    withLimit(serverCommand('list', 'what participants got, by programme and window'))
      .option('--programme <id>')
      .option('--payee <partner>')
      .option('--window <window>', '2026-Q1')
      .action(async (options: BonusFilter) => {
        const api = await connect(options, 'auditor');
        const { programme, payee, window } = options;
        await printList(
          options,
          (query) => api.GET('/bonuses', { params: { query: omitUndefined({ ...query, programme, payee, window }) } }),
          async (rows) => {
            const names = await partnerNames(
              api,
              rows.map((row) => row.payee),
            );
            return [
              { title: 'payee', of: (one) => one.payee },
              { title: 'name', of: (one) => names.get(one.payee), rank: 2, text: true },
              { title: 'programme', of: (one) => one.programme },
              { title: 'window', of: (one) => one.window },
              { title: 'measured', of: (one) => one.measured, align: 'right', rank: 1 },
              { title: 'amount', of: (one) => one.amount, align: 'right' },
              { title: 'currency', of: (one) => one.currency },
            ];
          },
        );
      }),
  );
}
