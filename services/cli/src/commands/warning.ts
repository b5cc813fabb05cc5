/** `tantieme warning`: references to names that do not exist. */
import { Command } from 'commander';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';

export function warningCommand(): Command {
  return new Command('warning').description('references to names that do not exist').addCommand(
    withLimit(serverCommand('list', 'agreements and quotas that name unknown plans, components or payees'))
      .option('--payee <partner>')
      .option('--plan <plan>')
      .action(async (options: ServerOptions & ListOptions & { payee?: string; plan?: string }) => {
        const api = await connect(options, 'auditor');
        const { payee, plan } = options;
        await printList(
          options,
          (query) => api.GET('/warnings', { params: { query: omitUndefined({ ...query, payee, plan }) } }),
          [
            { title: 'code', of: (one) => one.code, rank: 1 },
            { title: 'in', of: (one) => one.kind },
            { title: 'payee', of: (one) => one.payee },
            { title: 'plan', of: (one) => one.plan },
            { title: 'warning', of: (one) => one.message, text: true },
          ],
        );
      }),
  );
}
