/** `tantieme deal`: what source systems reported. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { suggest } from '@tantieme/contracts/suggest';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import { localTime } from '../output/time.js';
import { dataOf } from '../server/client.js';
import type { Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { timeZoneFor } from '../server/short-ids.js';

export function dealCommand(): Command {
  return new Command('deal')
    .description('deals and the facts that they are made of (many at once: tantieme import)')
    .addCommand(recordCommand())
    .addCommand(withdrawCommand())
    .addCommand(showCommand())
    .addCommand(listCommand());
}

function recordCommand(): Command {
  return serverCommand('record', 'record one fact of a deal; recording it again changes nothing')
    .argument('<file>', 'the fact, a JSON document')
    .action(async (file: string, options: ServerOptions) => {
      const api = await connect(options, 'source');
      const recorded = await dataOf(api.POST('/deals/facts', { body: JSON.parse(readFileSync(file, 'utf8')) }));
      if (options.json) printJson(recorded);
      else print(`${recorded.source} ${recorded.deal}: ${recorded.identity} ${recorded.outcome}`);
    });
}

function withdrawCommand(): Command {
  return serverCommand('withdraw', 'withdraw a fact that was sent by mistake, as if it had never been sent')
    .argument('<source>')
    .argument('<id>')
    .argument('<fact>', 'as "deal show" lists it: booked, returned:R-1, …')
    .action(async (source: string, id: string, identity: string, options: ServerOptions) => {
      const api = await connect(options, 'source');
      const { facts } = await dataOf(api.GET('/deals/{source}/{id}', { params: { path: { source, id } } }));
      const found = facts.find((one) => one.identity === identity);
      if (found === undefined)
        throw new Error(
          `the deal ${source} ${id} has no fact ${identity}${didYouMean(identity, facts)}; to withdraw a fact that has not arrived yet, record it with "withdrawn": true`,
        );
      const recorded = await dataOf(api.POST('/deals/facts', { body: { ...found.fact, withdrawn: true } }));
      if (options.json) printJson(recorded);
      else print(`${source} ${id}: ${recorded.identity} ${recorded.outcome}`);
    });
}

function didYouMean(identity: string, facts: readonly { readonly identity: string }[]): string {
  const known = facts.map((one) => one.identity);
  const nearest = suggest(identity, known);
  return nearest === undefined ? `; it has ${known.join(', ')}` : `; did you mean ${nearest}?`;
}

function showCommand(): Command {
  return serverCommand('show', 'a deal, its lines and its facts')
    .argument('<source>')
    .argument('<id>')
    .option('--time-zone <zone>', 'time zone of the times (default: that of the plans)')
    .action(async (source: string, id: string, options: ServerOptions & { timeZone?: string }) => {
      const api = await connect(options, 'auditor');
      const timeZone = await timeZoneFor(api, options.timeZone);
      const deal = await dataOf(api.GET('/deals/{source}/{id}', { params: { path: { source, id } } }));
      if (options.json) return printJson(deal);
      const { terms } = deal;
      print(`Deal ${source} ${id}${terms === undefined ? ', without terms yet' : `, in ${terms.currency}`}`);
      if (terms !== undefined) {
        for (const { role, partner, share } of terms.partners)
          print(`  ${role} ${partner}${share === undefined ? '' : ` (share ${share})`}`);
        print(
          table(
            [
              { title: 'line', of: (line) => line.id },
              { title: 'product', of: (line) => line.product, text: true },
              { title: 'category', of: (line) => line.category, rank: 2, text: true },
              { title: 'quantity', of: (line) => line.quantity, align: 'right', rank: 1 },
              { title: 'net', of: (line) => line.net, align: 'right' },
            ],
            terms.lines ?? [],
          ),
        );
      }
      for (const one of deal.overReturns ?? []) print(`warning: ${overReturnText(one)}`);
      print(
        table(
          [
            { title: 'fact', of: ({ identity }) => identity },
            { title: 'occurred', of: ({ fact }) => localTime(fact.occurredAt, timeZone) },
            { title: 'hash', of: ({ hash }) => hash.slice(0, 12), rank: 1 },
          ],
          deal.facts,
        ),
      );
    });
}

function overReturnText(one: Schemas['OverReturnAnswer']): string {
  return `return ${one.return} exceeds line ${one.line} (sold ${one.sold}) by ${one.exceeds}`;
}

interface DealFilter extends ServerOptions, ListOptions {
  readonly source?: string;
  readonly partner?: string;
  readonly text?: string;
  readonly from?: string;
  readonly until?: string;
  readonly timeZone?: string;
  readonly earnedNothing?: boolean;
  readonly overReturned?: boolean;
}

function listCommand(): Command {
  return withLimit(serverCommand('list', 'deals by source and id'))
    .option('--source <system>', 'of this source system')
    .option('--partner <id>', 'in which this partner has a role')
    .option('--text <text>', 'beginning of the id')
    .option('--from <day>', 'booked on or after this day')
    .option('--until <day>', 'booked before this day')
    .option('--earned-nothing', 'deals that are credited to nobody, each with its reasons')
    .option('--over-returned', 'deals with returns of more than was sold, each with by how much')
    .option('--time-zone <zone>', 'time zone of the times (default: that of the plans)')
    .action(async (options: DealFilter) => {
      const api = await connect(options, 'auditor');
      const timeZone = await timeZoneFor(api, options.timeZone);
      if (options.earnedNothing)
        return printList(options, (query) => api.GET('/uncredited-deals', { params: { query } }), [
          { title: 'deal', of: (one) => one.deal },
          { title: 'code', of: (one) => one.code },
          { title: 'why', of: (one) => one.message, text: true },
          { title: 'since', of: (one) => localTime(one.since, timeZone), rank: 1 },
        ]);
      const { source, partner, text, from, until, overReturned } = options;
      const filter = omitUndefined({ source, partner, text, from, until, overReturned });
      if (overReturned)
        return printList(options, (query) => api.GET('/deals', { params: { query: { ...query, ...filter } } }), [
          { title: 'source', of: (deal) => deal.source },
          { title: 'deal', of: (deal) => deal.id },
          { title: 'currency', of: (deal) => deal.currency },
          { title: 'why', of: (deal) => deal.overReturns?.map(overReturnText).join('; '), text: true },
        ]);
      await printList(options, (query) => api.GET('/deals', { params: { query: { ...query, ...filter } } }), [
        { title: 'source', of: (deal) => deal.source },
        { title: 'deal', of: (deal) => deal.id },
        { title: 'currency', of: (deal) => deal.currency },
        { title: 'lines', of: (deal) => deal.lineCount, align: 'right' },
        { title: 'booked', of: (deal) => localTime(deal.bookedAt, timeZone) },
        { title: 'invoices', of: (deal) => deal.invoiceCount, align: 'right', rank: 2 },
        { title: 'payments', of: (deal) => deal.paymentCount, align: 'right', rank: 3 },
        { title: 'returns', of: (deal) => deal.returnCount, align: 'right', rank: 1 },
        { title: 'cancelled', of: (deal) => localTime(deal.cancelledAt, timeZone), rank: 4 },
      ]);
    });
}
