import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConfigError } from './config.js';
import { makeDataDirectory } from './data-directory.js';

describe('the data directory', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'tantieme-data-'));
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('is created with its parents, readable by its owner alone', () => {
    const path = makeDataDirectory(join(parent, 'a', 'b'));
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(makeDataDirectory(path)).toBe(path);
  });

  it('is refused at once where it cannot be created', () => {
    writeFileSync(join(parent, 'file'), '');
    for (const path of [join(parent, 'file', 'data'), '/proc/tantieme/data']) {
      expect(() => makeDataDirectory(path)).toThrow(ConfigError);
      expect(() => makeDataDirectory(path)).toThrow(`TANTIEME_DATA: the data directory ${path} cannot be written to`);
    }
  });
});
