import { Command, Argument } from 'commander';
import { ROLES, type Role } from '@tantieme/service-kit/access/auth';
import { print, printJson } from '../output/print.js';
import { addressOf, developmentToken } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a bearer token of the local development issuer')
    .addArgument(new Argument('<role>').choices([...ROLES]))
    .option('--subject <subject>', 'who the token is for', 'developer')
    .option('--partner <id>', 'the partner whose data a token of role partner sees')
    .option('--data <directory>', 'data directory of the server (TANTIEME_DATA)')
    .option('--profile <name>', 'profile to take the data directory from (TANTIEME_PROFILE)')
    .option('--json', 'print JSON')
    .action(async (role: Role, options: ServerOptions & { subject: string; partner?: string }) => {
      if (role === 'partner' && options.partner === undefined)
        throw new Error('--partner is missing: a partner sees only its own data');
      const { subject, partner } = options;
      const token = await developmentToken(addressOf(options).data, role, { subject, partner });
      if (options.json) printJson({ token });
      else print(token);
    });
}
