/** Runs a command as its program does, with what it prints given back. */
import { jest } from '@jest/globals';
import type { Command } from 'commander';

/** @returns what the command prints on standard output; what it prints on standard error is dropped */
export async function printedBy(command: Command, args: readonly string[]): Promise<string> {
  let printed = '';
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await command.parseAsync([...args], { from: 'user' });
  } finally {
    jest.restoreAllMocks();
  }
  return printed;
}
