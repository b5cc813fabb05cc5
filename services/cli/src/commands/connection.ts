/** Where the command finds the server, and as whom it speaks. */
import type { Command } from 'commander';
import type { Role } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { Client } from '../client.js';

export interface ConnectionOptions {
  readonly url: string;
  readonly data: string;
  readonly token?: string;
}

export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'address of the server', process.env['TANTIEME_URL'] ?? 'http://127.0.0.1:8080')
    .option(
      '--token <token>',
      'bearer token (default: TANTIEME_TOKEN, else one of the development issuer)',
      process.env['TANTIEME_TOKEN'],
    )
    .option(
      '--data <directory>',
      'data directory whose development issuer mints a token',
      process.env['TANTIEME_DATA'] ?? 'data/tantieme',
    );
}

/**
 * A client with the token given, or with one that the development issuer of the data directory mints for the role. Each role
 * is a person of its own there: what needs two people can be tried out alone.
 */
export async function connect(options: ConnectionOptions, role: Role): Promise<Client> {
  const token =
    options.token ?? (await mintToken({ dataDirectory: options.data, roles: [role], subject: `tantieme-cli-${role}` }));
  return new Client(options.url, token);
}
