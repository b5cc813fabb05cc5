import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@tantieme/all-in-one/testing/end-to-end.fixture';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readModelCommand } from './read-model.js';
import { verifyCommand } from './verify.js';

const directory = temporaryDirectory();
afterAll(() => directory.remove());

describe.each([
  ['verify', () => verifyCommand(), []],
  ['read-model rebuild', () => readModelCommand(), ['rebuild', 'payouts-read-model']],
] as const)('%s', (_, command, args) => {
  it('creates nothing in a mistyped directory, and names what is missing', async () => {
    const typo = join(directory.path, 'typo');
    await expect(command().parseAsync([...args, '--data', typo], { from: 'user' })).rejects.toThrow(
      `${join(typo, 'events.sqlite')} does not exist: there is no such directory. Name the data directory`,
    );
    expect(existsSync(typo)).toBe(false);
  });
});
