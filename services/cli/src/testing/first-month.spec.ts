/** Runs docs/first-month.md exactly as it is written: saves its files, runs its commands in a shell, in order. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { marked } from 'marked';
import type { Token, Tokens } from 'marked';

const PAGE = readFileSync(new URL('../../../../docs/first-month.md', import.meta.url), 'utf8');
const COMMAND = fileURLToPath(new URL('../../bin/tantieme.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'tantieme-first-month-'));
let server: ChildProcess | undefined;
afterAll(async () => {
  if (server !== undefined && server.exitCode === null) {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  listening.close();
  await once(listening, 'close');
  return port;
}

/** The page's commands find `tantieme` on the path; the port and the profiles are the test's own. */
async function environment(): Promise<NodeJS.ProcessEnv> {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'tantieme'), `#!/bin/sh\nexec "${process.execPath}" "${COMMAND}" "$@"\n`);
  chmodSync(join(bin, 'tantieme'), 0o755);
  const port = String(await freePort());
  return {
    ...process.env,
    NODE_OPTIONS: '',
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    TANTIEME_CONFIG: join(folder, 'config'),
    TANTIEME_PORT: port,
    TANTIEME_URL: `http://127.0.0.1:${port}`,
  };
}

async function run(
  commands: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const shell = spawn('sh', ['-e', '-c', commands], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(shell, 'exit') as Promise<[code: number | null]>;
  const [[code], output, errors] = await Promise.all([exit, text(shell.stdout), text(shell.stderr)]);
  return { code, output: output + errors };
}

/**
 * Starts the server and returns once it listens; its output is read until it ends, so that it never writes into a
 * closed pipe.
 */
async function start(command: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  server = child;
  await new Promise<void>((resolve, reject) => {
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('tantieme listens on')) resolve();
    });
    child.once('exit', () => reject(new Error(`the server ended: ${printed}`)));
  });
}

const isCode = (token: Token): token is Tokens.Code => token.type === 'code';

describe('docs/first-month.md', () => {
  it('works as it is written, to the settled payout', async () => {
    const env = await environment();
    const printed: string[] = [];
    for (const token of marked.lexer(PAGE)) {
      if (!isCode(token)) continue;
      const [language = '', name] = (token.lang ?? '').split(' ');
      if (language !== 'sh') writeFileSync(join(folder, name ?? ''), `${token.text}\n`);
      else if (name === 'server') await start(token.text, env);
      else {
        const { code, output } = await run(token.text, env);
        expect({ commands: token.text, output, code }).toMatchObject({ code: name === 'fails' ? 1 : 0 });
        printed.push(output);
      }
    }
    const output = printed.join('\n');
    // The refused row, with its place and its cell.
    expect(output).toMatch(/january\.csv/);
    expect(output).toContain('1,234,50');
    // What the page says of the money.
    expect(output).toMatch(/NORD .*700\.04/);
    expect(output).toMatch(/SUED .*61\.73/);
    expect(output).toMatch(/NORD\|EUR\|monthly@Europe\/Berlin\|2026-01.*settled/);
    expect(output).toContain('0 differences');
  }, 240_000);
});
