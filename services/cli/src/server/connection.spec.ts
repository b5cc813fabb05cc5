import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createApi, dataOf } from './client.js';
import { addressOf, connect } from './connection.js';
import { findProfile, listProfiles, removeProfile, saveProfile, useProfile } from './profiles.js';

let folder = '';
const VARIABLES = ['TANTIEME_CONFIG', 'TANTIEME_URL', 'TANTIEME_TOKEN', 'TANTIEME_DATA', 'TANTIEME_PROFILE'] as const;
const before = VARIABLES.map((name) => [name, process.env[name]] as const);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tantieme-cli-'));
  for (const name of VARIABLES) delete process.env[name];
  process.env['TANTIEME_CONFIG'] = folder;
});

afterEach(() => {
  for (const [name, value] of before)
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  rmSync(folder, { recursive: true });
});

describe('where a command connects to', () => {
  it('is this machine without any setting', () => {
    expect(addressOf({})).toEqual({ url: 'http://127.0.0.1:8080', data: 'data/tantieme' });
  });

  it('is the profile in use, before it the environment, before that the options', () => {
    saveProfile('test', { url: 'http://test:1', token: 'from-profile' });
    expect(addressOf({})).toMatchObject({ url: 'http://test:1', token: 'from-profile' });
    process.env['TANTIEME_URL'] = 'http://env:2';
    expect(addressOf({})).toMatchObject({ url: 'http://env:2', token: 'from-profile' });
    expect(addressOf({ url: 'http://option:3' })).toMatchObject({ url: 'http://option:3' });
  });
});

describe('a profile', () => {
  it('is chosen by name, or used where none is named', () => {
    saveProfile('one', { url: 'http://one' });
    saveProfile('two', { url: 'http://two' });
    expect(findProfile(undefined)).toEqual({ url: 'http://one' });
    useProfile('two');
    expect(findProfile(undefined)).toEqual({ url: 'http://two' });
    expect(addressOf({ profile: 'one' }).url).toBe('http://one');
  });

  it('is refused by name where it is unknown', () => {
    saveProfile('one', { url: 'http://one' });
    expect(() => addressOf({ profile: 'onne' })).toThrow('there is no profile "onne"; known: one');
  });

  it('is not used any more once it is removed', () => {
    saveProfile('one', { url: 'http://one' });
    removeProfile('one');
    expect(listProfiles()).toMatchObject({ profiles: {} });
    expect(findProfile(undefined)).toEqual({});
  });

  it('is kept in a file that only its owner can read', () => {
    saveProfile('one', { token: 'secret' });
    expect(statSync(listProfiles().file).mode & 0o777).toBe(0o600);
  });
});

describe('a command without a server', () => {
  it('names the address and how to start one', async () => {
    await expect(dataOf(createApi('http://127.0.0.1:9', 'x').GET('/health/live'))).rejects.toThrow(
      /no server answers at http:\/\/127\.0\.0\.1:9 \(.+\)\. Start one with "tantieme start --data DIRECTORY"/,
    );
  });

  it('creates nothing in a mistyped data directory', async () => {
    const data = join(folder, 'typo');
    await expect(connect({ data }, 'auditor')).rejects.toThrow(`${data}: there is no such directory`);
    expect(readdirSync(folder)).not.toContain('typo');
  });
});
