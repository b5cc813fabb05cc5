/** `tantieme partner`: who sells for us, and under which terms. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { suggest } from '@tantieme/contracts/suggest';
import { Argument, Command, Option } from 'commander';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { Partner } from '@tantieme/contracts/partner';
import { positive, printList, withLimit } from './list.js';
import type { ListOptions } from './list.js';
import { print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import { dataOf } from '../server/client.js';
import type { Api } from '../server/client.js';
import { connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';
import { kindCommand } from './import.js';

export function partnerCommand(): Command {
  return new Command('partner')
    .description('partners, their tiers, uplines, agreements and certifications')
    .addCommand(addCommand())
    .addCommand(kindCommand('partners', 'partners from CSV or NDJSON (agreements, tiers …: tantieme import)', 'import'))
    .addCommand(showCommand())
    .addCommand(listCommand())
    .addCommand(tierCommand())
    .addCommand(uplineCommand())
    .addCommand(agreeCommand())
    .addCommand(certifyCommand())
    .addCommand(withdrawCommand())
    .addCommand(warningsCommand());
}

const channelOption = (): Option => new Option('--channel <channel>', 'how it sells').choices([...CHANNEL_TYPES]);
const from = ['--from <day>', 'first day on which it counts: 2026-01-01'] as const;
const until = ['--until <day>', 'first day on which it does not count any more; open if left out'] as const;

function addCommand(): Command {
  return serverCommand('add', 'register a partner, or change its name, channel or country')
    .argument('<id>')
    .requiredOption('--name <name>')
    .addOption(channelOption().makeOptionMandatory())
    .requiredOption('--country <code>', 'ISO 3166-1 alpha-2: FR')
    .action(
      async (id: string, options: ServerOptions & { name: string; channel: Partner['channel']; country: string }) => {
        const api = await connect(options, 'operator');
        const { name, channel, country } = options;
        const body = { name, channel, country };
        printPartner(await dataOf(api.PUT('/partners/{id}', { params: { path: { id } }, body })), options);
      },
    );
}

function showCommand(): Command {
  return serverCommand('show', 'one partner with all that is dated')
    .argument('<id>')
    .action(async (id: string, options: ServerOptions) => {
      const api = await connect(options, 'auditor');
      printPartner(await dataOf(api.GET('/partners/{id}', { params: { path: { id } } })), options);
    });
}

interface PartnerFilter extends ServerOptions, ListOptions {
  readonly channel?: Partner['channel'];
  readonly country?: string;
  readonly tier?: string;
  readonly plan?: string;
  readonly text?: string;
}

function listCommand(): Command {
  return withLimit(serverCommand('list', 'partners by id'))
    .addOption(channelOption())
    .option('--country <code>')
    .option('--tier <tier>', 'in this tier today')
    .option('--plan <plan>', 'with an agreement to this plan')
    .option('--text <text>', 'part of the id or the name')
    .action(async (options: PartnerFilter) => {
      const api = await connect(options, 'auditor');
      const { channel, country, tier, plan, text } = options;
      await printList<Partner>(
        options,
        (query) =>
          api.GET('/partners', { params: { query: omitUndefined({ ...query, channel, country, tier, plan, text }) } }),
        [
          { title: 'partner', of: ({ id }) => id },
          { title: 'name', of: ({ name }) => name, text: true },
          { title: 'channel', of: (one) => one.channel },
          { title: 'country', of: (one) => one.country, rank: 2 },
          { title: 'tier', of: ({ tiers }) => tiers.at(-1)?.value },
          { title: 'upline', of: ({ uplines }) => uplines.at(-1)?.value ?? undefined, rank: 3 },
          {
            title: 'plans',
            of: ({ agreements }) => [...new Set(agreements.map((one) => one.plan))].join(', '),
            text: true,
            rank: 1,
          },
        ],
      );
    });
}

function tierCommand(): Command {
  return serverCommand('tier', 'put a partner into a tier from a day on')
    .argument('<id>')
    .argument('<tier>')
    .requiredOption(...from)
    .action(async (id: string, tier: string, options: ServerOptions & { from: string }) => {
      const api = await connect(options, 'operator');
      const params = { path: { id, from: options.from } };
      printPartner(await dataOf(api.PUT('/partners/{id}/tiers/{from}', { params, body: { tier } })), options);
    });
}

function uplineCommand(): Command {
  return serverCommand('upline', 'set the partner above, from a day on')
    .argument('<id>')
    .argument('[upline]', 'the partner above; none if left out')
    .requiredOption(...from)
    .action(async (id: string, upline: string | undefined, options: ServerOptions & { from: string }) => {
      const api = await connect(options, 'operator');
      const params = { path: { id, from: options.from } };
      const body = { upline: upline ?? null };
      printPartner(await dataOf(api.PUT('/partners/{id}/uplines/{from}', { params, body })), options);
    });
}

function agreeCommand(): Command {
  return serverCommand('agree', 'record an agreement of a partner to a plan')
    .argument('<id>')
    .argument('<plan>')
    .requiredOption(...from)
    .option(...until)
    .option('--agreement <id>', 'id of the agreement; default: the plan and the first day')
    .action(
      async (
        id: string,
        plan: string,
        options: ServerOptions & { from: string; until?: string; agreement?: string },
      ) => {
        const api = await connect(options, 'operator');
        const { from: first, until: end, agreement = `${plan} ${first}` } = options;
        const params = { path: { id, agreement } };
        const body = omitUndefined({ plan, from: first, until: end });
        printPartner(await dataOf(api.PUT('/partners/{id}/agreements/{agreement}', { params, body })), options);
      },
    );
}

function certifyCommand(): Command {
  return serverCommand('certify', 'record a certification of a partner')
    .argument('<id>')
    .argument('<certification>')
    .requiredOption(...from)
    .option(...until)
    .option('--count <people>', 'how many of its people hold it', positive)
    .option('--certificate <id>', 'id of the certificate; default: the certification and the first day')
    .action(
      async (
        id: string,
        certification: string,
        options: ServerOptions & { from: string; until?: string; count?: number; certificate?: string },
      ) => {
        const api = await connect(options, 'operator');
        const { from: first, until: end, count, certificate = `${certification} ${first}` } = options;
        const params = { path: { id, certificate } };
        const body = omitUndefined({ certification, from: first, until: end, count });
        printPartner(await dataOf(api.PUT('/partners/{id}/certifications/{certificate}', { params, body })), options);
      },
    );
}

const WITHDRAWABLE = ['tier', 'upline', 'agreement', 'certification'] as const;

function withdrawCommand(): Command {
  return serverCommand('withdraw', 'withdraw what was recorded by mistake, as if it had never been')
    .argument('<id>')
    .addArgument(new Argument('<what>').choices([...WITHDRAWABLE]))
    .argument('<key>', 'its first day (tier, upline) or its id (agreement, certification), as "partner show" prints it')
    .action(async (id: string, what: (typeof WITHDRAWABLE)[number], key: string, options: ServerOptions) => {
      const api = await connect(options, 'operator');
      const partner = await dataOf(api.GET('/partners/{id}', { params: { path: { id } } }));
      const keys = keysOf(partner, what);
      if (!keys.includes(key)) {
        const nearest = suggest(key, keys);
        const known = keys.length === 0 ? 'none' : keys.join(', ');
        throw new Error(
          `${id} has no ${what} ${key}; ${nearest === undefined ? `it has ${known}` : `did you mean ${nearest}?`}`,
        );
      }
      printPartner(await withdraw(api, id, what, key), options);
    });
}

function keysOf({ tiers, uplines, agreements, certifications = [] }: Partner, what: (typeof WITHDRAWABLE)[number]) {
  switch (what) {
    case 'tier':
      return tiers.map(({ from: day }) => day);
    case 'upline':
      return uplines.map(({ from: day }) => day);
    case 'agreement':
      return agreements.map(({ id }) => id);
    case 'certification':
      return certifications.map(({ id }) => id);
  }
}

function withdraw(api: Api, id: string, what: (typeof WITHDRAWABLE)[number], key: string): Promise<Partner> {
  switch (what) {
    case 'tier':
      return dataOf(api.DELETE('/partners/{id}/tiers/{from}', { params: { path: { id, from: key } } }));
    case 'upline':
      return dataOf(api.DELETE('/partners/{id}/uplines/{from}', { params: { path: { id, from: key } } }));
    case 'agreement':
      return dataOf(api.DELETE('/partners/{id}/agreements/{agreement}', { params: { path: { id, agreement: key } } }));
    case 'certification':
      return dataOf(
        api.DELETE('/partners/{id}/certifications/{certificate}', { params: { path: { id, certificate: key } } }),
      );
  }
}

function warningsCommand(): Command {
  return withLimit(serverCommand('warnings', 'partners that name unknown countries or unregistered uplines')).action(
    async (options: ServerOptions & ListOptions) => {
      const api = await connect(options, 'auditor');
      await printList(options, (query) => api.GET('/partner-warnings', { params: { query } }), [
        { title: 'partner', of: (one) => one.partner },
        { title: 'warning', of: ({ field, reason }) => `${field}: ${reason}`, text: true },
      ]);
    },
  );
}

interface Dated {
  readonly what: string;
  /** Its id, where it has one. */
  readonly id?: string;
  readonly value: string;
  readonly from: string;
  readonly until?: string | undefined;
}

function printPartner(partner: Partner, { json }: { readonly json?: boolean }): void {
  if (json) return printJson(partner);
  print(`${partner.id}  ${partner.name}  (${partner.channel}, ${partner.country})`);
  const dated: readonly Dated[] = [
    ...partner.tiers.map((one) => ({ what: 'tier', value: one.value, from: one.from })),
    ...partner.uplines.map((one) => ({ what: 'upline', value: one.value ?? 'none', from: one.from })),
    ...partner.agreements.map((one) => ({
      what: 'agreement',
      id: one.id,
      value: one.plan,
      from: one.from,
      until: one.until,
    })),
    ...(partner.certifications ?? []).map((one) => ({
      what: 'certification',
      id: one.id,
      value: one.count === undefined ? one.certification : `${one.certification} × ${one.count}`,
      from: one.from,
      until: one.until,
    })),
  ];
  if (dated.length > 0)
    print(
      table(
        [
          { title: 'what', of: (one) => one.what },
          { title: 'id', of: (one) => one.id, text: true, rank: 1 },
          { title: 'value', of: (one) => one.value },
          { title: 'from', of: (one) => one.from },
          { title: 'until', of: (one) => one.until },
        ],
        dated,
      ),
    );
}
