/** `tantieme token`: prints a token for a local server. */
import { Argument, Command } from 'commander';
import { ROLES } from '@tantieme/service-kit/access/auth';
import type { Role } from '@tantieme/service-kit/access/auth';
import { print, printJson } from '../output/print.js';
import { addressOf, developmentToken } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a bearer token of the development issuer, for a local server')
    .addArgument(new Argument('<role>').choices([...ROLES]))
    .option('--subject <subject>', 'who the token is for', 'developer')
    .option('--partner <id>', 'partner whose data the token gives access to; required for the role partner')
    .option('--data <directory>', 'data directory of the server (TANTIEME_DATA)')
    .option('--profile <name>', 'profile to take the data directory from (TANTIEME_PROFILE)')
    .option('--json', 'print JSON')
    .action(async (role: Role, options: ServerOptions & { subject: string; partner?: string }) => {
      if (role === 'partner' && options.partner === undefined)
        throw new Error('--partner is missing: name the partner whose data the token gives access to');
      const { subject, partner } = options;
      const token = await developmentToken(addressOf(options).data, role, { subject, partner });
      if (options.json) printJson({ token });
      else print(token);
    });
}
