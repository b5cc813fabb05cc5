import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../../cli/bin/tantieme.js', import.meta.url));

/** A running `tantieme start`. */
export interface StartedCommand {
  readonly child: ChildProcess;
  /** Its URL, once it listens; undefined if it ends before. */
  readonly url: Promise<string | undefined>;
  /** Its exit code, or null after a signal. */
  readonly ended: Promise<number | null>;
  /** Its last line on standard error. */
  readonly lastLine: () => string;
}

/** Starts the real command, in a process of its own, on a free port. */
export function startCommand(directory: string): StartedCommand {
  const child = spawn(process.execPath, [COMMAND, 'start', '--data', directory, '--port', '0'], {
    env: { ...process.env, NODE_OPTIONS: '', TANTIEME_LOG_LEVEL: 'fatal' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let last = '';
  const listening = Promise.withResolvers<string | undefined>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    last = line;
    const url = / listens on (\S+)/.exec(line)?.[1];
    if (url !== undefined) listening.resolve(url);
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      listening.resolve(undefined);
      resolve(code);
    });
  });
  return { child, url: listening.promise, ended, lastLine: () => last };
}
