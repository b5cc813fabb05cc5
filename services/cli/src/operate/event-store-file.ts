import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The file of the embedded event store in a data directory.
 * @throws if there is none: opening it would create an empty store in a mistyped directory
 */
export function eventStoreFile(directory: string): string {
  const path = join(directory, 'events.sqlite');
  if (existsSync(path)) return path;
  const reason = existsSync(directory) ? 'this is not a data directory' : 'there is no such directory';
  throw new Error(
    `${path} does not exist: ${reason}. Name the data directory of a server with --data or TANTIEME_DATA.`,
  );
}
