/** `tantieme payout`, `payment` and `balance`: what is due, what was paid, what is carried. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Payment } from '@tantieme/contracts/payout';
import { positive, printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { dataOf, itemsOf } from '../server/client.js';
import type { Api, PageAnswer, PageQuery, Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { partnerNames } from '../server/partner-names.js';
import { resolve } from '../server/short-ids.js';

const STATES = ['due', 'settled', 'failed'] as const;

interface PayoutFilter {
  readonly state?: (typeof STATES)[number];
  readonly payee?: string;
  readonly period?: string;
  readonly currency?: string;
}

/** A page of payouts. The operation also answers NDJSON, which its generated type does not keep apart. */
function payoutsPage(api: Api, query: PayoutFilter & PageQuery): PageAnswer<Schemas['Payout']> {
  return api.GET('/payouts', { params: { query } }) as PageAnswer<Schemas['Payout']>;
}

/** All payouts, in the order of their approval. */
export function payoutsOf(api: Api): AsyncGenerator<Schemas['Payout']> {
  return itemsOf((query) => payoutsPage(api, query));
}

export function payoutCommand(): Command {
  return new Command('payout').description('what is to be paid').addCommand(
    withLimit(serverCommand('list', 'payouts in the order of their approval, with what finance answered'))
      .addOption(new Option('--state <state>', 'whether it is paid').choices([...STATES]))
      .option('--payee <partner>')
      .option('--period <period>', '2026-01')
      .option('--currency <code>', 'EUR')
      .action(async (options: ServerOptions & ListOptions & PayoutFilter) => {
        const api = await connect(options, 'finance');
        const { state, payee, period, currency } = options;
        await printList(
          options,
          (query) => payoutsPage(api, omitUndefined({ ...query, state, payee, period, currency })),
          async (rows) => {
            const names = await partnerNames(
              api,
              rows.map((row) => row.payee),
            );
            return [
              { title: 'payout', of: (one) => one.id },
              { title: 'name', of: (one) => names.get(one.payee), rank: 2, text: true },
              { title: 'amount', of: (one) => one.amount, align: 'right' },
              { title: 'currency', of: (one) => one.currency, rank: 1 },
              { title: 'state', of: (one) => one.state },
            ];
          },
        );
      }),
  );
}

interface PaymentOptions extends ServerOptions {
  readonly on?: string;
  readonly failed?: string;
  readonly revision?: number;
  readonly file?: string;
}

export function paymentCommand(): Command {
  return new Command('payment').description('what finance answers to payouts').addCommand(
    serverCommand('record', 'record that a payout was settled, or that it failed')
      .argument('[payout...]', 'id of the payout, or as much of it as names one: acme 2026-01')
      .option('--on <day>', 'day on which it was paid, or failed: 2026-02-05')
      .option('--failed <reason>', 'it failed, and why; settled if left out')
      .option('--revision <number>', 'a correction has a higher one', positive)
      .option('--file <file>', 'the whole payment as a JSON document instead')
      .action(async (words: readonly string[], options: PaymentOptions) => {
        const api = await connect(options, 'finance');
        const body = await paymentOf(api, words, options);
        const recorded = await dataOf(api.POST('/payments', { body }));
        if (options.json) printJson(recorded);
        else print(`${recorded.payment.payout}: ${recorded.payment.state} on ${recorded.payment.on}`);
      }),
  );
}

async function paymentOf(api: Api, words: readonly string[], options: PaymentOptions): Promise<Payment> {
  if (options.file !== undefined) return JSON.parse(readFileSync(options.file, 'utf8')) as Payment;
  if (words.length === 0 || options.on === undefined)
    throw new Error('name the payout and the day: acme 2026-01 --on 2026-02-05; or give the whole payment with --file');
  const { on, failed, revision } = options;
  const payouts = await Array.fromAsync(payoutsOf(api));
  const id = resolve(
    'payout',
    words,
    payouts.map((one) => one.id),
  );
  if (failed !== undefined)
    return omitUndefined({ payout: id, on, revision, state: 'failed' as const, reason: failed });
  const due = payouts.find((one) => one.id === id);
  if (due === undefined) throw new Error(`there is no payout ${id}`);
  const { amount, currency } = due;
  return omitUndefined({ payout: id, on, revision, state: 'settled' as const, amount, currency });
}

export function balanceCommand(): Command {
  return new Command('balance').description('what statements carry forward').addCommand(
    withLimit(serverCommand('list', 'carried balances: amounts below the minimum, and what payees owe'))
      .option('--payee <partner>')
      .option('--currency <code>', 'EUR')
      .action(async (options: ServerOptions & ListOptions & { payee?: string; currency?: string }) => {
        const api = await connect(options, 'auditor');
        const { payee, currency } = options;
        await printList(
          options,
          (query) => api.GET('/balances', { params: { query: omitUndefined({ ...query, payee, currency }) } }),
          async (rows) => {
            const names = await partnerNames(
              api,
              rows.map((row) => row.payee),
            );
            return [
              { title: 'payee', of: (one) => one.payee },
              { title: 'name', of: (one) => names.get(one.payee), rank: 2, text: true },
              { title: 'calendar', of: (one) => one.calendar, rank: 1 },
              { title: 'since', of: (one) => one.period },
              { title: 'carried', of: (one) => one.carried, align: 'right' },
              { title: 'currency', of: (one) => one.currency },
            ];
          },
        );
      }),
  );
}
