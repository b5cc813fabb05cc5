import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startCommand } from './command.js';

/** The first start compiles; the median of the others counts. */
const STARTS = 4;

/** Seconds from starting the command on an empty data directory until `/health/ready` answers 200. */
export async function measureStart(): Promise<number> {
  const seconds: number[] = [];
  for (let start = 0; start < STARTS; start += 1) seconds.push(await startOnce());
  return seconds.slice(1).sort((a, b) => a - b)[Math.floor((STARTS - 1) / 2)] ?? Number.NaN;
}

async function startOnce(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-start-'));
  const startedMs = performance.now();
  const { child, url, ended, lastLine } = startCommand(directory);
  const address = await url;
  if (address === undefined) throw new Error(`the server did not start: ${lastLine()}`);
  while ((await fetch(`${address}/health/ready`)).status !== 200) await pause(5);
  const seconds = (performance.now() - startedMs) / 1000;
  child.kill('SIGTERM');
  await ended;
  rmSync(directory, { recursive: true });
  return seconds;
}
