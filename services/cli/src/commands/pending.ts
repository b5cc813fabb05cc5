/** `tantieme pending`: deals that cannot be credited or rated yet, and what is missing. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { localTime } from '../output/time.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { calendarOf, timeZoneFor } from '../server/short-ids.js';
import { dataOf } from '../server/client.js';
import { printProposed } from './proposal.js';

interface PendingFilter extends ServerOptions, ListOptions {
  readonly period?: string;
  readonly calendar?: string;
  readonly code?: string;
  readonly deal?: string;
  readonly timeZone?: string;
}

export function pendingCommand(): Command {
  return new Command('pending')
    .description('deals that wait for a partner, plan, rate or quota')
    .addCommand(
      withLimit(serverCommand('list', 'pending deals, with what each is missing'))
        .option('--code <code>', 'such as PartnerMissing, ExchangeRateMissing, QuotaMissing')
        .option('--deal <deal>', 'source|id')
        .option('--period <period>', 'only deals for which the closing of this period waits')
        .option('--calendar <calendar>', 'with --period; may be left out while plans have one calendar')
        .option('--time-zone <zone>', 'time zone of the times (default: that of the plans)')
        .action(async (options: PendingFilter) => {
          const api = await connect(options, 'auditor');
          const timeZone = await timeZoneFor(api, options.timeZone);
          const { code, deal, period } = options;
          const calendar = period === undefined ? undefined : await calendarOf(api, options.calendar);
          await printList(
            options,
            (query) =>
              api.GET('/pending-deals', {
                params: { query: omitUndefined({ ...query, code, deal, period, calendar }) },
              }),
            [
              { title: 'deal', of: (one) => one.deal },
              { title: 'code', of: (one) => one.code },
              { title: 'missing', of: (one) => one.subject, rank: 2 },
              { title: 'why', of: (one) => one.message, text: true },
              { title: 'since', of: (one) => localTime(one.since, timeZone), rank: 1 },
            ],
          );
        }),
    )
    .addCommand(
      serverCommand('waive', 'propose that no closing waits for a deal; another person confirms it')
        .argument('<deal>', 'source|id')
        .requiredOption('--reason <reason>')
        .action(async (deal: string, options: ServerOptions & { readonly reason: string }) => {
          const api = await connect(options, 'finance');
          const { reason } = options;
          const proposal = await dataOf(
            api.POST('/pending-deals/{deal}/waive', { params: { path: { deal } }, body: { reason } }),
          );
          printProposed(proposal, options);
        }),
    );
}
