import { enableCompileCache } from 'node:module';

import type { Type } from '@nestjs/common';

import { requireNodeVersion } from '../runtime/node-version.js';

/**
 * The program of a service in a process of its own: configured by the environment, runs until SIGTERM or SIGINT. Where
 * it cannot start, it prints the reason in one line and exits with code 1.
 * @param name of the service, for standard error.
 * @param loadModule imports the service's module, after the version of Node.js was checked.
 */
export async function serve(name: string, loadModule: () => Promise<Type>): Promise<void> {
  requireNodeVersion(name, `npm has installed one, run: npm exec -- node services/${name}/dist/main.js`);
  // Compiled code is kept between starts.
  enableCompileCache();
  try {
    const { loadConfig } = await import('../runtime/config.js');
    const { createApplication, listen } = await import('./application.js');
    const config = loadConfig(process.env);
    const url = await listen(await createApplication(await loadModule(), config), config);
    process.stderr.write(`${name} listens on ${url} (API: ${url}/docs)\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
