/** `tantieme start`: runs all services in one process. */
import { Command } from 'commander';
import { startAllInOne } from '@tantieme/all-in-one/start';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { hint, printJson } from '../output/print.js';

interface StartOptions {
  readonly data?: string;
  readonly host?: string;
  readonly port?: string;
  readonly json?: boolean;
}

export function startCommand(): Command {
  return new Command('start')
    .description('start all services in one process, on one port, with one data directory')
    .option('--data <directory>', 'data directory, created if missing (TANTIEME_DATA; default: data/tantieme)')
    .option('--host <address>', 'address to listen on (TANTIEME_HOST; default: 127.0.0.1)')
    .option('--port <port>', 'port to listen on (TANTIEME_PORT; default: 8080)')
    .option('--json', 'print the address as JSON once the server listens')
    .action(async ({ data, host, port, json }: StartOptions) => {
      const server = await startAllInOne(
        loadConfig(process.env, {
          dataDirectory: data,
          host,
          port: port === undefined ? undefined : Number(port),
        }),
      );
      if (json) printJson({ url: server.url });
      else hint(`tantieme listens on ${server.url} (API: ${server.url}/docs)`);
    });
}
