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
    .description('start the five services in one process, on one port, with one data directory')
    .option('--data <directory>', 'data directory (TANTIEME_DATA)')
    .option('--host <address>', 'address to listen on (TANTIEME_HOST)')
    .option('--port <port>', 'port to listen on (TANTIEME_PORT)')
    .option('--json', 'print the address as JSON once it listens')
    .action(async ({ data, host, port, json }: StartOptions) => {
      const server = await startAllInOne(
        loadConfig(process.env, {
          ...(data === undefined ? {} : { dataDirectory: data }),
          ...(host === undefined ? {} : { host }),
          ...(port === undefined ? {} : { port: Number(port) }),
        }),
      );
      if (json) printJson({ url: server.url });
      else hint(`tantieme listens on ${server.url} (API: ${server.url}/docs)`);
    });
}
