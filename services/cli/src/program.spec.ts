import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from './program.js';

function leavesOf(command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] {
  const name = [...path, command.name()];
  const inner = command.commands.flatMap((one) => leavesOf(one, name));
  // A command with an action of its own is one, even with commands below it.
  return command.registeredArguments.length > 0 || inner.length === 0 ? [[name.join(' '), command], ...inner] : inner;
}

const LEAVES = leavesOf(createProgram()).filter(([name]) => name !== 'tantieme complete');

async function failureOf(...args: readonly string[]): Promise<string> {
  const program = createProgram();
  let printed = '';
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)])
    command
      .exitOverride()
      .configureOutput({ writeErr: (text) => (printed += text), writeOut: (text) => (printed += text) });
  await program.parseAsync(args, { from: 'user' }).catch(() => undefined);
  return printed;
}

describe('every command', () => {
  it.each(LEAVES)('%s prints JSON for programs and describes itself', (_, command) => {
    expect(command.options.map(({ long }) => long)).toContain('--json');
    expect(command.description()).not.toBe('');
  });
});

describe('the program', () => {
  it('ends in silence if nobody reads its output any more', async () => {
    const command = fileURLToPath(new URL('../bin/tantieme.js', import.meta.url));
    const child = spawn(process.execPath, [command, 'profile', 'list'], { env: { ...process.env, NODE_OPTIONS: '' } });
    child.stdout.destroy();
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(errors).toBe('');
  });

  it('prints its version', async () => {
    expect(await failureOf('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['statment', 'list'], '(Did you mean statement?)'],
    [['partner', 'lst'], '(Did you mean list?)'],
    [['statement', 'list', '--preiod', '2026-01'], '(Did you mean --period?)'],
  ])('suggests what %j may mean', async (args, suggestion) => {
    expect(await failureOf(...args)).toContain(suggestion);
  });

  it('completes commands and options for a shell', async () => {
    const written: string[] = [];
    const log = jest.spyOn(console, 'log').mockImplementation((text: unknown) => void written.push(String(text)));
    await createProgram().parseAsync(['complete', '--', 'statement', ''], { from: 'user' });
    log.mockRestore();
    expect(written.join('\n')).toMatch(/^show\t/m);
  });
});
