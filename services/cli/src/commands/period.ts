/** `tantieme close` and `tantieme period`: closing a period of a calendar, and how far it is. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { count, print, printJson } from '../output/print.js';
import { localTime, timeZoneOf } from '../output/time.js';
import { dataOf } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { calendarOf } from '../server/short-ids.js';
import { closePeriod } from '../server/background-work.js';

const calendar = [
  '--calendar <calendar>',
  'monthly@Europe/Paris; may be left out while plans have one calendar',
] as const;

interface CloseOptions extends ServerOptions {
  readonly calendar?: string;
  readonly force?: string;
  readonly wait: boolean;
}

export function closeCommand(): Command {
  return serverCommand('close', 'close a period: its earnings become final and its statements are issued')
    .argument('<period>', '2026-01')
    .option(...calendar)
    .option('--force <reason>', 'close although deals are pending')
    .option('--no-wait', 'return as soon as the closing has begun')
    .action(async (period: string, options: CloseOptions) => {
      const api = await connect(options, 'finance');
      const key = await calendarOf(api, options.calendar);
      const path = { calendar: key, period };
      if (options.wait) await closePeriod(api, key, period, options.force);
      else
        await dataOf(
          api.POST('/periods/{calendar}/{period}/close', {
            params: { path },
            body: omitUndefined({ force: options.force }),
          }),
        );
      const closed = await dataOf(api.GET('/periods/{calendar}/{period}', { params: { path } }));
      if (options.json) return printJson(closed);
      const run = await dataOf(api.GET('/statement-runs/{calendar}/{period}', { params: { path } }));
      print(
        closed.state === 'closed'
          ? `${period} of ${key} is closed: ${count(run.statements ?? 0, 'statement')} issued`
          : `${period} of ${key} is ${closed.state}`,
      );
    });
}

export function periodCommand(): Command {
  return new Command('period')
    .description('periods that are closed or being closed')
    .addCommand(
      serverCommand('show', 'how far the closing of a period is')
        .argument('<period>', '2026-01')
        .option(...calendar)
        .action(async (period: string, options: ServerOptions & { calendar?: string }) => {
          const api = await connect(options, 'auditor');
          const path = { calendar: await calendarOf(api, options.calendar), period };
          const closing = await dataOf(api.GET('/periods/{calendar}/{period}', { params: { path } }));
          const run = await dataOf(api.GET('/statement-runs/{calendar}/{period}', { params: { path } }));
          if (options.json) return printJson({ ...closing, statementRun: run });
          print(`${period} of ${path.calendar} is ${closing.state}`);
          if (closing.stages.length > 0) print(`  stages done: ${closing.stages.join(', ')}`);
          print(`  statements: ${run.state}${run.statements === undefined ? '' : `, ${run.statements}`}`);
        }),
    )
    .addCommand(
      withLimit(serverCommand('list', 'closed periods, the newest first'))
        .option(...calendar)
        .action(async (options: ServerOptions & ListOptions & { calendar?: string }) => {
          const api = await connect(options, 'auditor');
          await printList(
            options,
            (query) =>
              api.GET('/periods', { params: { query: omitUndefined({ ...query, calendar: options.calendar }) } }),
            [
              { title: 'calendar', of: (one) => one.calendar },
              { title: 'period', of: (one) => one.period },
              { title: 'state', of: (one) => one.state },
              { title: 'closing since', of: (one) => localTime(one.closingSince, timeZoneOf(one.calendar)) },
              { title: 'by', of: (one) => one.closedBy, rank: 1, text: true },
            ],
          );
        }),
    )
    .addCommand(
      serverCommand('runs', 'statement runs: how far the statements of each period are')
        .option(...calendar)
        .action(async (options: ServerOptions & { calendar?: string }) => {
          const api = await connect(options, 'auditor');
          await printList(
            options,
            (query) =>
              api.GET('/statement-runs', {
                params: { query: omitUndefined({ ...query, calendar: options.calendar }) },
              }),
            [
              { title: 'calendar', of: (one) => one.calendar },
              { title: 'period', of: (one) => one.period },
              { title: 'state', of: (one) => one.state },
              { title: 'statements', of: (one) => one.statements, align: 'right' },
            ],
          );
        }),
    );
}
