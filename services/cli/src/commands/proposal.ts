/** `tantieme proposal`: what one person proposed, and another confirms or rejects. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command, Option } from 'commander';
import { printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { localTime } from '../output/time.js';
import { itemsOf } from '../server/client.js';
import type { Api } from '../server/client.js';
import { pageOfProposals, proposalRoutes } from '../server/proposals.js';
import type { Proposal } from '../server/proposals.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { resolve, timeZoneFor } from '../server/short-ids.js';
import { waitUntilClosed } from '../server/background-work.js';
import { printClosed } from './period.js';

const STATES = ['open', 'superseded', 'rejected', 'confirmed', 'done', 'refused'] as const;

const words = ['<proposal...>', 'its id, or as much of it as names one open proposal: close 2026-01'] as const;

interface ProposalFilter extends ServerOptions, ListOptions {
  readonly state?: (typeof STATES)[number];
  readonly timeZone?: string;
}

export function proposalCommand(): Command {
  return new Command('proposal')
    .description('what one person proposed, and another confirms or rejects: closings, waived deals, discards')
    .addCommand(
      withLimit(serverCommand('list', 'proposals, newest first of each kind'))
        .addOption(new Option('--state <state>').choices(STATES))
        .option('--time-zone <zone>', 'time zone of the times (default: that of the plans)')
        .action(async (options: ProposalFilter) => {
          const api = await connect(options, 'auditor');
          const timeZone = await timeZoneFor(api, options.timeZone);
          const { state } = options;
          await printList<Proposal>(options, (query) => pageOfProposals(api, omitUndefined({ ...query, state })), [
            { title: 'proposal', of: (one) => one.id },
            { title: 'state', of: (one) => one.state },
            { title: 'by', of: (one) => one.proposedBy, rank: 1, text: true },
            { title: 'proposed', of: (one) => localTime(one.proposedAt, timeZone) },
            { title: 'decided by', of: (one) => one.decidedBy, rank: 2, text: true },
          ]);
        }),
    )
    .addCommand(
      serverCommand('show', 'a proposal with everything that its confirmation depends on')
        .argument(...words)
        .action(async (wanted: readonly string[], options: ServerOptions) => {
          const api = await connect(options, 'auditor');
          const found = await findProposal(api, wanted);
          if (options.json) printJson(found);
          else print(proposalText(found));
        }),
    )
    .addCommand(
      serverCommand('confirm', 'confirm what somebody else proposed: it is carried out')
        .argument(...words)
        .option('--no-wait', 'of a closing: return as soon as it has begun')
        .action(async (wanted: readonly string[], options: ServerOptions & { readonly wait: boolean }) => {
          const api = await connect(options, 'approver');
          const { id } = await findProposal(api, wanted);
          const confirmed = await confirmProposal(api, id);
          const [action, calendar = '', period = ''] = id.split('|');
          if (confirmed.state === 'refused') throw new Error(`${id}: ${confirmed.refusal?.message ?? 'refused'}`);
          if (action !== 'close-period') {
            if (options.json) printJson(confirmed);
            else print(`${id} is confirmed and ${confirmed.state}`);
            return;
          }
          if (options.wait) await waitUntilClosed(api, calendar, period);
          await printClosed(api, calendar, period, options);
        }),
    )
    .addCommand(
      serverCommand('reject', 'reject what somebody proposed, or take it back')
        .argument(...words)
        .option('--reason <reason>')
        .action(async (wanted: readonly string[], options: ServerOptions & { readonly reason?: string }) => {
          const api = await connect(options, 'approver');
          const { id } = await findProposal(api, wanted);
          const { reason } = options;
          const rejected = await proposalRoutes(id).reject(api, id, omitUndefined({ reason }));
          if (options.json) printJson(rejected);
          else print(`${id} is rejected`);
        }),
    );
}

/** A proposal by its id, or the open one that the words name. */
async function findProposal(api: Api, wanted: readonly string[]): Promise<Proposal> {
  const [whole = ''] = wanted;
  if (wanted.length === 1 && /^[a-z-]+\|.+\|\d+$/.test(whole)) return proposalRoutes(whole).find(api, whole);
  const open = await Array.fromAsync(itemsOf<Proposal>((query) => pageOfProposals(api, { ...query, state: 'open' })));
  const id = resolve(
    'open proposal',
    wanted,
    open.map((one) => one.id),
  );
  return proposalRoutes(id).find(api, id);
}

export function confirmProposal(api: Api, id: string): Promise<Proposal> {
  return proposalRoutes(id).confirm(api, id);
}

/** What somebody has to know before they confirm it. */
export function proposalText({ id, state, proposedBy, request, read, refusal }: Proposal): string {
  return [
    `${id} is ${state}, proposed by ${proposedBy}`,
    ...Object.entries({ ...request, ...read }).map(([name, value]) => `  ${name}: ${textOf(value)}`),
    ...(refusal === undefined ? [] : [`  refused: ${refusal.message}`]),
  ].join('\n');
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Of a proposal that was just made: what it is about, and how it is confirmed. */
export function printProposed(proposal: Proposal, { json }: { readonly json?: boolean }): void {
  if (json) return printJson(proposal);
  print(proposalText(proposal));
  print(`Proposed. Somebody else confirms it: tantieme proposal confirm "${proposal.id}"`);
}
