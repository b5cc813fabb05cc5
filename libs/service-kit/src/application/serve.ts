import type { Type } from '@nestjs/common';

import { createApplication, listen } from './application.js';
import { loadConfig } from '../runtime/config.js';

/**
 * The program of a service in a process of its own: configured by the environment, runs until SIGTERM or SIGINT. Where it
 * cannot start, it prints the reason in one line and exits with code 1.
 * @param name of the service, for standard error.
 */
export async function serve(name: string, module: Type): Promise<void> {
  try {
    const config = loadConfig(process.env);
    const url = await listen(await createApplication(module, config), config);
    process.stderr.write(`${name} listens on ${url} (API: ${url}/docs)\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
