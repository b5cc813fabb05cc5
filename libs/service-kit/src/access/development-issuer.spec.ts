import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { loadConfig } from '../runtime/config.js';
import { developmentKeySet, mintToken } from './development-issuer.js';
import { TokenVerifier } from './token-verifier.js';

describe('the development issuer', () => {
  let dataDirectory: string;

  beforeEach(() => {
    dataDirectory = mkdtempSync(join(tmpdir(), 'tantieme-issuer-'));
  });
  afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

  it('mints tokens that the verifier of the same directory accepts', async () => {
    const token = await mintToken({ dataDirectory, subject: 'jo', roles: ['partner'], partner: 'P1' });
    const verifier = new TokenVerifier(loadConfig({}, { dataDirectory }));
    await expect(verifier.verify(token)).resolves.toEqual({ subject: 'jo', roles: ['partner'], partner: 'P1' });
  });

  it('creates one key, readable by its owner alone, also under concurrent first requests', async () => {
    const sets = await Promise.all(Array.from({ length: 8 }, () => developmentKeySet(dataDirectory)));
    expect(new Set(sets.map((set) => JSON.stringify(set))).size).toBe(1);
    expect(statSync(join(dataDirectory, 'development-issuer.json')).mode & 0o777).toBe(0o600);
  });

  it('publishes the public half only', async () => {
    expect(JSON.stringify(await developmentKeySet(dataDirectory))).not.toContain('"d"');
  });

  it('refuses a key that others may read', async () => {
    await developmentKeySet(dataDirectory);
    chmodSync(join(dataDirectory, 'development-issuer.json'), 0o644);
    await expect(developmentKeySet(dataDirectory)).rejects.toThrow(/others than its owner may read it/);
  });
});
