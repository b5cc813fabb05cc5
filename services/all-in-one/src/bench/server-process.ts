import { fork } from 'node:child_process';

import { Driver } from '../driver.js';
import type { ServerUse } from './server.js';

/** An all-in-one in a process of its own, whose memory and processor time are its own too. */
export interface ServerProcess {
  readonly url: string;
  readonly driver: Driver;
  /** What it has used so far. */
  readonly use: () => Promise<ServerUse>;
  /** @returns what it has used in all. */
  readonly stop: () => Promise<ServerUse>;
}

/** @param nodeOptions such as `--cpu-prof` */
export async function startServerProcess(
  directory: string,
  nodeOptions: readonly string[] = [],
): Promise<ServerProcess> {
  const child = fork(new URL('./server.js', import.meta.url), {
    env: { ...process.env, TANTIEME_DATA: directory },
    execArgv: [...nodeOptions],
  });
  const next = <Answer>(): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the server ended with code ${code}`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message as Answer);
      });
    });
  const ask = (request: 'use' | 'stop'): Promise<ServerUse> => {
    const answer = next<ServerUse>();
    child.send(request);
    return answer;
  };
  const { url } = await next<{ readonly url: string }>();
  return { url, driver: new Driver(url, directory), use: () => ask('use'), stop: () => ask('stop') };
}
