import { Command } from 'commander';
import { startAllInOne } from '@tantieme/all-in-one/start';
import { loadConfig } from '@tantieme/service-kit/runtime/config';

export function startCommand(): Command {
  return new Command('start')
    .description('the five services in one process, on one port, with one data directory')
    .option('--data <directory>', 'data directory (TANTIEME_DATA)')
    .option('--host <address>', 'address to listen on (TANTIEME_HOST)')
    .option('--port <port>', 'port to listen on (TANTIEME_PORT)')
    .action(async (options: { data?: string; host?: string; port?: string }) => {
      const server = await startAllInOne(
        loadConfig(process.env, {
          ...(options.data === undefined ? {} : { dataDirectory: options.data }),
          ...(options.host === undefined ? {} : { host: options.host }),
          ...(options.port === undefined ? {} : { port: Number(options.port) }),
        }),
      );
      process.stderr.write(`tantieme listens on ${server.url} (API: ${server.url}/docs)\n`);
    });
}
