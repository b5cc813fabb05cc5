import { Command, Argument } from 'commander';
import { ROLES, type Role } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { print, printJson } from './output.js';

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a bearer token of the local development issuer')
    .addArgument(new Argument('<role>').choices([...ROLES]))
    .option('--subject <subject>', 'who the token is for', 'developer')
    .option('--partner <id>', 'the partner whose data a token of role partner sees')
    .option('--data <directory>', 'data directory of the server', process.env['TANTIEME_DATA'] ?? 'data/tantieme')
    .option('--json', 'print JSON')
    .action(async (role: Role, options: { subject: string; partner?: string; data: string; json?: boolean }) => {
      if (role === 'partner' && options.partner === undefined)
        throw new Error('--partner is needed: a partner sees only its own');
      const token = await mintToken({
        dataDirectory: options.data,
        roles: [role],
        subject: options.subject,
        ...(options.partner === undefined ? {} : { partner: options.partner }),
      });
      if (options.json) printJson({ token });
      else print(token);
    });
}
