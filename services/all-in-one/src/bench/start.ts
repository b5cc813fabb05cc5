import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/tantieme.js', import.meta.url));

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
  const child = spawn(process.execPath, [COMMAND, 'start', '--data', directory, '--port', '0'], {
    env: { ...process.env, TANTIEME_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: child.stderr })) {
    const url = / listens on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    while ((await fetch(`${url}/health/ready`)).status !== 200) await pause(5);
    break;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
  rmSync(directory, { recursive: true });
  return seconds;
}
