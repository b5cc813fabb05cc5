import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { ConfigError, VARIABLES } from './config.js';

/**
 * Creates the data directory where it is missing, readable by its owner alone, and checks that it can be written to.
 * @returns its path.
 * @throws {ConfigError} where it cannot be created or written to.
 */
export function makeDataDirectory(path: string): string {
  try {
    makeDirectory(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      VARIABLES.dataDirectory,
      `the data directory ${path} cannot be written to (${reason}): choose another one, or change its permissions`,
    );
  }
  return path;
}

/** Node's own `recursive` never returns for a path below /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process was first.
    if (!existsSync(path)) throw error;
  }
}
