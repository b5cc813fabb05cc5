/** Options of every command that asks the server, and the client that they lead to. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { Role } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { createApi } from './client.js';
import type { Api } from './client.js';
import { findProfile } from './profiles.js';

export interface ServerOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
  readonly profile?: string;
  readonly json?: boolean;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';
export const DEFAULT_DATA = 'data/tantieme';

/** A command that asks the server. */
export function serverCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--url <url>', `address of the server (TANTIEME_URL; default ${DEFAULT_URL})`)
    .option('--token <token>', 'bearer token (TANTIEME_TOKEN; default: one of the development issuer)')
    .option(
      '--data <directory>',
      `data directory of a local server, to sign a token with (TANTIEME_DATA; default ${DEFAULT_DATA})`,
    )
    .option('--profile <name>', 'profile to take these from (TANTIEME_PROFILE; see "tantieme profile")')
    .option('--json', 'print JSON');
}

/** Where the options lead: an option counts before a variable, a variable before the profile. */
export function addressOf(options: ServerOptions): {
  readonly url: string;
  readonly token?: string;
  readonly data: string;
} {
  const { env } = process;
  const profile = findProfile(options.profile ?? env['TANTIEME_PROFILE']);
  const token = options.token ?? env['TANTIEME_TOKEN'] ?? profile.token;
  return {
    url: options.url ?? env['TANTIEME_URL'] ?? profile.url ?? DEFAULT_URL,
    data: options.data ?? env['TANTIEME_DATA'] ?? profile.data ?? DEFAULT_DATA,
    ...(token === undefined ? {} : { token }),
  };
}

/**
 * A client for somebody with the role. Without a token, the development issuer of the data directory signs one for a
 * separate person per role, so that one person can try out what needs two people.
 */
export async function connect(options: ServerOptions, role: Role): Promise<Api> {
  const { url, token, data } = addressOf(options);
  return createApi(url, token ?? (await developmentToken(data, role)));
}

/** @throws where the directory does not exist: a mistyped one must not be created. */
export async function developmentToken(
  data: string,
  role: Role,
  {
    subject = `tantieme-cli-${role}`,
    partner,
  }: { readonly subject?: string; readonly partner?: string | undefined } = {},
): Promise<string> {
  if (!existsSync(data))
    throw new Error(
      `${data}: there is no such directory, so there is no key to sign a token with. Start one with "tantieme start --data ${data}", ` +
        'name its directory with --data, or give a token with --token.',
    );
  return mintToken({ dataDirectory: data, roles: [role], subject, ...(partner === undefined ? {} : { partner }) });
}
