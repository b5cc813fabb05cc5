/** `npm run golden`: replays the golden log; `-- --write` records it again; `-- --json` prints one object. */
import { parseArgs } from 'node:util';
import { readGoldenLog, writeGoldenLog } from './golden-log.js';
import { recordGoldenLog, replayGoldenLog } from './replay.js';

const { values } = parseArgs({ options: { write: { type: 'boolean' }, json: { type: 'boolean' } } });
if (values.write === true) writeGoldenLog(await recordGoldenLog());
const { events, differences } = await replayGoldenLog(readGoldenLog());
const print = (text: string): boolean => process.stdout.write(`${text}\n`);
if (values.json === true) print(JSON.stringify({ events, differences: differences.length }));
else {
  for (const difference of differences) print(difference);
  print(`events ${events}\ndifferences ${differences.length}`);
  if (differences.length > 0) print('If formats were meant to change (until 0.2.0): npm run golden -- --write');
}
if (differences.length > 0) process.exitCode = 1;
