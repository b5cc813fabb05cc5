/** `tantieme earning`: what is posted for payees, line by line. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

interface EarningFilter extends ServerOptions, ListOptions {
  readonly payee?: string;
  readonly plan?: string;
  readonly period?: string;
  readonly deal?: string;
}

export function earningCommand(): Command {
  return new Command('earning').description('posted earnings').addCommand(
    withLimit(serverCommand('list', 'posted earnings by payee, plan, deal and period'))
      .option('--payee <partner>')
      .option('--plan <plan>')
      .option('--period <period>', '2026-01')
      .option('--deal <deal>', 'source|id')
      .action(async (options: EarningFilter) => {
        const api = await connect(options, 'auditor');
        const { payee, plan, period, deal } = options;
        await printList(
          options,
          (query) =>
            api.GET('/earnings', { params: { query: omitUndefined({ ...query, payee, plan, period, deal }) } }),
          [
            { title: 'payee', of: (one) => one.payee },
            { title: 'period', of: (one) => one.origin },
            { title: 'plan', of: (one) => one.plan, rank: 3 },
            { title: 'component', of: (one) => one.component },
            { title: 'deal', of: (one) => one.deal },
            { title: 'line', of: (one) => one.line, rank: 2 },
            { title: 'kind', of: (one) => one.kind, rank: 1 },
            { title: 'amount', of: (one) => one.amount, align: 'right' },
            { title: 'currency', of: (one) => one.currency },
          ],
        );
      }),
  );
}
