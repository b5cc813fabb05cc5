/** `tantieme quota`: what payees are to reach. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { positive, printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { hint, print, printJson } from '../output/print.js';
import { dataOf } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { kindCommand } from './import.js';

interface SetOptions extends ServerOptions {
  readonly plan: string;
  readonly component: string;
  readonly from: string;
  readonly until?: string;
  readonly revision: number;
}

export function quotaCommand(): Command {
  return new Command('quota')
    .description('quotas of payees for components of plans')
    .addCommand(
      serverCommand('set', 'set the quota of a payee for a component')
        .argument('<payee>')
        .argument('<amount>', 'for a whole window, in the currency of the plan or in units: 250000')
        .requiredOption('--plan <plan>')
        .requiredOption('--component <component>')
        .requiredOption('--from <day>', 'first day: 2026-01-01')
        .option('--until <day>', 'first day on which it does not count any more; open if left out')
        .option('--revision <number>', 'a correction has a higher one', positive, 1)
        .action(async (payee: string, amount: string, options: SetOptions) => {
          const api = await connect(options, 'plan-designer');
          const { plan, component, from, until, revision } = options;
          const body = omitUndefined({ payee, plan, component, from, until, amount, revision });
          const recorded = await dataOf(api.POST('/quotas', { body }));
          if (options.json) return printJson(recorded);
          for (const { message } of recorded.warnings ?? []) hint(`warning: ${message}`);
          print(`quota of ${payee} for ${component} of ${plan} from ${from}: ${amount}`);
        }),
    )
    .addCommand(
      serverCommand('withdraw', 'withdraw a quota that was recorded by mistake, with its revisions below')
        .argument('<payee>')
        .requiredOption('--plan <plan>')
        .requiredOption('--component <component>')
        .requiredOption('--from <day>', 'its first day: 2026-01-01')
        .option('--revision <number>', 'the revision to withdraw', positive, 1)
        .action(async (payee: string, options: SetOptions) => {
          const api = await connect(options, 'plan-designer');
          const { plan, component, from, revision } = options;
          const body = { payee, plan, component, from, revision, withdrawn: true } as const;
          const recorded = await dataOf(api.POST('/quotas', { body }));
          if (options.json) printJson(recorded);
          else print(`quota of ${payee} for ${component} of ${plan} from ${from}: withdrawn`);
        }),
    )
    .addCommand(kindCommand('quotas', 'quotas from CSV or NDJSON', 'import'))
    .addCommand(
      withLimit(serverCommand('list', 'quotas by payee, plan, component and day'))
        .option('--payee <partner>')
        .option('--plan <plan>')
        .action(async (options: ServerOptions & ListOptions & { payee?: string; plan?: string }) => {
          const api = await connect(options, 'auditor');
          const { payee, plan } = options;
          await printList(
            options,
            (query) => api.GET('/quotas', { params: { query: omitUndefined({ ...query, payee, plan }) } }),
            [
              { title: 'payee', of: (one) => one.payee },
              { title: 'plan', of: (one) => one.plan, rank: 1 },
              { title: 'component', of: (one) => one.component },
              { title: 'from', of: (one) => one.from },
              { title: 'until', of: (one) => one.until },
              { title: 'amount', of: (one) => one.amount, align: 'right' },
              { title: 'revision', of: (one) => one.revision, align: 'right', rank: 2 },
              { title: 'withdrawn', of: (one) => (one.withdrawn === undefined ? undefined : 'yes'), rank: 3 },
            ],
          );
        }),
    );
}
