/** `tantieme profile`: servers saved under a name. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { Command } from 'commander';
import { print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import { listProfiles, removeProfile, saveProfile, useProfile } from '../server/profiles.js';
import type { Profile } from '../server/profiles.js';

interface JsonOption {
  readonly json?: boolean;
}

export function profileCommand(): Command {
  return new Command('profile')
    .description('servers saved under a name: an address, and a token or the data directory of a local server')
    .addCommand(
      new Command('add')
        .description('add or replace a profile; the first one is used by default')
        .argument('<name>')
        .option('--url <url>', 'address of the server')
        .option('--token <token>', 'bearer token; saved in a file that only you can read')
        .option('--data <directory>', 'data directory of a local server')
        .option('--json', 'print JSON')
        .action((name: string, { url, token, data, json }: Profile & JsonOption) => {
          if (url === undefined && token === undefined && data === undefined)
            throw new Error('give at least one of --url, --token and --data');
          saveProfile(name, omitUndefined({ url, token, data }));
          report(json, `saved profile ${name} in ${listProfiles().file}`);
        }),
    )
    .addCommand(
      new Command('use')
        .description('use a profile by default, when a command names none')
        .argument('<name>')
        .option('--json', 'print JSON')
        .action((name: string, { json }: JsonOption) => {
          useProfile(name);
          report(json, `using profile ${name} by default`);
        }),
    )
    .addCommand(
      new Command('remove')
        .description('remove a profile')
        .argument('<name>')
        .option('--json', 'print JSON')
        .action((name: string, { json }: JsonOption) => {
          removeProfile(name);
          report(json, `removed profile ${name}`);
        }),
    )
    .addCommand(
      new Command('list')
        .description('list the profiles, without their tokens')
        .option('--json', 'print JSON')
        .action(({ json }: JsonOption) => {
          const { profiles, current } = listProfiles();
          const rows = Object.entries(profiles).map(([name, { url, data, token }]) => ({
            name,
            url,
            data,
            hasToken: token !== undefined,
            inUse: name === current,
          }));
          if (json) return printJson(rows);
          if (rows.length === 0) return print('no profiles yet; add one with "tantieme profile add"');
          print(
            table(
              [
                { title: 'profile', of: (one) => one.name },
                { title: 'url', of: (one) => one.url },
                { title: 'data', of: (one) => one.data },
                { title: 'token', of: (one) => (one.hasToken ? 'yes' : '') },
                { title: 'in use', of: (one) => (one.inUse ? 'yes' : '') },
              ],
              rows,
            ),
          );
        }),
    );
}

function report(json: boolean | undefined, text: string): void {
  if (json) {
    const { profiles, current } = listProfiles();
    printJson({ profiles: Object.keys(profiles), current });
  } else print(text);
}
