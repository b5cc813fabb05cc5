/** Resets the file of an embedded broker that is not in use. */
import { DatabaseSync } from 'node:sqlite';

/**
 * Forgets what groups have consumed, and all topics but those named: the messages of others are made from the event log
 * again. The messages of the named topics came from outside; those still there are delivered again.
 */
export function forgetConsumption(path: string, topicsFromOutside: readonly string[]): void {
  const database = new DatabaseSync(path);
  try {
    const keep = JSON.stringify(topicsFromOutside);
    database.exec('BEGIN IMMEDIATE');
    database.exec('DELETE FROM positions');
    database.exec('DELETE FROM view_positions');
    database
      .prepare(
        `DELETE FROM messages WHERE EXISTS (
           SELECT 1 FROM slots s WHERE messages.id >= s.id * 1099511627776 AND messages.id < (s.id + 1) * 1099511627776
             AND s.topic NOT IN (SELECT value FROM json_each(?)))`,
      )
      .run(keep);
    database.prepare('DELETE FROM slots WHERE topic NOT IN (SELECT value FROM json_each(?))').run(keep);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}
