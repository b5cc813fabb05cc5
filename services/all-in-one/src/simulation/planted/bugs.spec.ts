import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { PLANTED_BUGS } from './bugs.js';

const ROOT = new URL('../../../../../', import.meta.url);

describe('a planted bug', () => {
  it.each(PLANTED_BUGS)('is still a change of one place: $name', ({ file, text }) => {
    expect(readFileSync(new URL(file, ROOT), 'utf8').split(text)).toHaveLength(2);
  });
});
