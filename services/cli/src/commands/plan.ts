/** `tantieme plan`: plan documents and the life of their versions. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { positive, printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { hint, print, printJson } from '../output/print.js';
import { dataOf, rawBody } from '../server/client.js';
import type { Schemas } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { findingText } from './plan/finding.js';
import { lintCommand } from './plan/lint.js';
import { testCommand } from './plan/test.js';

export function planCommand(): Command {
  return new Command('plan')
    .description('plan documents, and the life of their versions')
    .addCommand(lintCommand())
    .addCommand(testCommand())
    .addCommand(draftCommand())
    .addCommand(approveCommand())
    .addCommand(publishCommand())
    .addCommand(endCommand())
    .addCommand(listCommand())
    .addCommand(showCommand());
}

type Version = Schemas['PlanVersionSummary'];

function draftCommand(): Command {
  return serverCommand('draft', 'draft a version of a plan; the newest one again changes nothing')
    .argument('<file>', 'plan document, YAML or JSON')
    .action(async (file: string, options: ServerOptions) => {
      const api = await connect(options, 'plan-designer');
      const drafted = await dataOf(api.POST('/plans', rawBody(readFileSync(file, 'utf8'), 'application/yaml')));
      if (!options.json) for (const finding of drafted.findings) hint(findingText(file, finding));
      printVersion(drafted, options);
    });
}

const version = ['<version>', 'number of the version', positive] as const;

function approveCommand(): Command {
  return serverCommand('approve', 'approve a version of a plan, as somebody else than its author')
    .argument('<plan>')
    .argument(...version)
    .action(async (plan: string, number: number, options: ServerOptions) => {
      const api = await connect(options, 'approver');
      const params = { path: { id: plan, version: number } };
      printVersion(await dataOf(api.POST('/plans/{id}/versions/{version}/approve', { params })), options);
    });
}

function publishCommand(): Command {
  return serverCommand('publish', 'let an approved version take effect, as somebody else than its author')
    .argument('<plan>')
    .argument(...version)
    .requiredOption(
      '--effective-from <day>',
      'with the first measurement window that starts on or after it: 2026-01-01',
    )
    .action(async (plan: string, number: number, options: ServerOptions & { effectiveFrom: string }) => {
      const api = await connect(options, 'approver');
      const params = { path: { id: plan, version: number } };
      const body = { effectiveFrom: options.effectiveFrom };
      const published = await dataOf(api.POST('/plans/{id}/versions/{version}/publish', { params, body }));
      printVersion(published, options);
      if (!options.json) for (const notice of published.notices ?? []) hint(`note: ${notice}`);
    });
}

function endCommand(): Command {
  return serverCommand('end', 'end a plan')
    .argument('<plan>')
    .requiredOption('--last-day <day>', 'last day on which anything counts: 2026-12-31')
    .action(async (plan: string, options: ServerOptions & { lastDay: string }) => {
      const api = await connect(options, 'plan-designer');
      const body = { lastDay: options.lastDay };
      const ended = await dataOf(api.POST('/plans/{id}/end', { params: { path: { id: plan } }, body }));
      if (options.json) printJson(ended);
      else print(`${plan} ends on ${options.lastDay}`);
    });
}

function listCommand(): Command {
  return withLimit(serverCommand('list', 'plans with their versions'))
    .option('--text <text>', 'part of the id or the title')
    .action(async (options: ServerOptions & ListOptions & { text?: string }) => {
      const api = await connect(options, 'auditor');
      await printList<Schemas['PlanSummary']>(
        options,
        (query) => api.GET('/plans', { params: { query: omitUndefined({ ...query, text: options.text }) } }),
        [
          { title: 'plan', of: ({ plan }) => plan },
          { title: 'title', of: ({ title }) => title, rank: 4, text: true },
          { title: 'calendar', of: ({ calendar }) => calendar, rank: 3 },
          { title: 'newest', of: ({ versions }) => versions.at(-1)?.version, align: 'right' },
          { title: 'state', of: ({ versions }) => versions.at(-1)?.state },
          { title: 'from', of: ({ versions }) => versions.findLast((one) => one.published)?.published?.effectiveFrom },
          { title: 'last day', of: ({ ended }) => ended?.lastDay, rank: 1 },
          { title: 'warnings', of: ({ versions }) => versions.at(-1)?.findings.length, align: 'right', rank: 2 },
        ],
      );
    });
}

function showCommand(): Command {
  return serverCommand('show', 'the versions of a plan, or the document of one')
    .argument('<plan>')
    .argument('[version]', 'number of the version whose document is printed', positive)
    .action(async (plan: string, number: number | undefined, options: ServerOptions) => {
      const api = await connect(options, 'auditor');
      if (number === undefined) {
        const found = await dataOf(api.GET('/plans/{id}', { params: { path: { id: plan } } }));
        if (options.json) return printJson(found);
        print(`${found.plan}  ${found.title}`);
        for (const one of found.versions) print(`  ${versionText(one)}`);
        return;
      }
      const params = { path: { id: plan, version: number } };
      const found = await dataOf(api.GET('/plans/{id}/versions/{version}', { params }));
      if (options.json) printJson(found);
      else print(stringify(found.document).trimEnd());
    });
}

function printVersion(drafted: Version & { readonly plan: string }, { json }: { readonly json?: boolean }): void {
  if (json) printJson(drafted);
  else print(`${drafted.plan} ${versionText(drafted)}`);
}

function versionText({ version: number, state, drafted, approved, published }: Version): string {
  const from = published === undefined ? '' : ` from ${published.effectiveFrom}`;
  const by = [
    `drafted by ${drafted.by}`,
    ...(approved === undefined ? [] : [`approved by ${approved.by}`]),
    ...(published === undefined ? [] : [`published by ${published.by}`]),
  ];
  return `version ${number}: ${state}${from}, ${by.join(', ')}`;
}
