/** `tantieme close` and `tantieme period`: closing a period of a calendar, and how far it is. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { count, print, printJson } from '../output/print.js';
import { localTime, timeZoneOf } from '../output/time.js';
import { dataOf } from '../server/client.js';
import type { Api, Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { calendarOf } from '../server/short-ids.js';

const calendar = [
  '--calendar <calendar>',
  'monthly@Europe/Paris; may be left out while plans have one calendar',
] as const;

interface CloseOptions extends ServerOptions {
  readonly calendar?: string;
  readonly force?: string;
  readonly preview?: boolean;
}

export function closeCommand(): Command {
  return serverCommand('close', 'propose to close a period; when another person confirms it, its statements are issued')
    .argument('<period>', '2026-01')
    .option(...calendar)
    .option('--preview', 'only show what the closing would do, and what is in its way')
    .option('--force <reason>', 'close although something is outstanding')
    .action(async (period: string, options: CloseOptions) => {
      const api = await connect(options, 'finance');
      const path = { calendar: await calendarOf(api, options.calendar), period };
      if (options.preview) {
        const preview = await dataOf(api.GET('/periods/{calendar}/{period}/closing-preview', { params: { path } }));
        if (options.json) printJson(preview);
        else print(previewText(preview));
        return;
      }
      const body = omitUndefined({ force: options.force });
      const proposal = await dataOf(api.POST('/periods/{calendar}/{period}/close', { params: { path }, body }));
      if (options.json) return printJson(proposal);
      print(previewText(await dataOf(api.GET('/periods/{calendar}/{period}/closing-preview', { params: { path } }))));
      print(`Proposed. Somebody else confirms it: tantieme proposal confirm close ${period}`);
    });
}

interface ReopenOptions extends ServerOptions {
  readonly calendar?: string;
  readonly reason?: string;
  readonly preview?: boolean;
}

export function reopenCommand(): Command {
  return serverCommand('reopen', 'propose to reopen the last closing; when another person confirms it, it is withdrawn')
    .argument('<period>', '2026-01')
    .option(...calendar)
    .option('--preview', 'only show what the reopening would withdraw, and what is in its way')
    .option('--reason <reason>', 'why it is reopened; required without --preview')
    .action(async (period: string, options: ReopenOptions) => {
      const api = await connect(options, 'finance');
      const path = { calendar: await calendarOf(api, options.calendar), period };
      if (options.preview) {
        const preview = await dataOf(api.GET('/periods/{calendar}/{period}/reopening-preview', { params: { path } }));
        if (options.json) return printJson(preview);
        const { closing, streams, lines, refusal } = preview;
        print(
          `${period} of ${path.calendar}: closing ${closing}, ${count(streams, 'payee and plan')}, ${count(lines, 'line')}`,
        );
        if (refusal !== undefined) print(`  cannot be reopened: ${refusal.message}`);
        return;
      }
      const body = { reason: options.reason ?? '' };
      const proposal = await dataOf(api.POST('/periods/{calendar}/{period}/reopen', { params: { path }, body }));
      if (options.json) return printJson(proposal);
      print(`Proposed. Somebody else confirms it: tantieme proposal confirm reopen ${period}`);
    });
}

function previewText(preview: Schemas['ClosingPreview']): string {
  const { calendar: key, period, statements, lines, totals, refusal, outstanding, notices } = preview;
  const amounts = Object.entries(totals).map(([currency, amount]) => `${amount} ${currency}`);
  return [
    `${period} of ${key}: ${count(statements, 'statement')}, ${count(lines, 'line')}, total ${amounts.join(' + ') || '0'}`,
    ...(refusal === undefined ? [] : [`  cannot be closed: ${refusal.message}`]),
    ...outstanding.map(({ message }) => `  needs a reason: ${message}`),
    ...notices.map((notice) => `  note: ${notice}`),
  ].join('\n');
}

function stateText(period: string, key: string, { state, waitsFor }: Schemas['PeriodRead']): string {
  return `${period} of ${key} is ${state}${waitsFor === undefined ? '' : `; it waits for ${waitsFor}`}`;
}

/** Prints a period after its closing was confirmed. */
export async function printClosed(api: Api, key: string, period: string, options: ServerOptions): Promise<void> {
  const path = { calendar: key, period };
  const closed = await dataOf(api.GET('/periods/{calendar}/{period}', { params: { path } }));
  if (options.json) return printJson(closed);
  const run = await dataOf(api.GET('/statement-runs/{calendar}/{period}', { params: { path } }));
  if (closed.state !== 'closed' && closed.waitsFor !== undefined) return print(stateText(period, key, closed));
  print(
    closed.state === 'closed'
      ? `${period} of ${key} is closed: ${count(run.statements ?? 0, 'statement')} issued`
      : `${period} of ${key} is ${closed.state}`,
  );
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
          print(stateText(period, path.calendar, closing));
          for (const { step, since } of closing.steps)
            print(`  ${localTime(since, timeZoneOf(path.calendar))}  ${step}`);
          for (const { message } of closing.unconfirmed ?? []) print(`  came up since it was confirmed: ${message}`);
          print(`  statements: ${run.state}${run.statements === undefined ? '' : `, ${run.statements}`}`);
          if (closing.closedBy !== undefined)
            print(`  closed by ${closing.closedBy}, confirmed by ${closing.confirmedBy ?? ''}`);
          if (closing.force !== undefined) print(`  reason: ${closing.force}`);
          for (const { message } of closing.outstanding ?? []) print(`  was outstanding: ${message}`);
          if (closing.reopened !== undefined) {
            const { by, confirmedBy, reason } = closing.reopened;
            print(`  reopened by ${by}, confirmed by ${confirmedBy}: ${reason}`);
          }
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
              { title: 'confirmed by', of: (one) => one.confirmedBy, rank: 2, text: true },
              { title: 'reason', of: (one) => one.force, rank: 3, text: true },
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
