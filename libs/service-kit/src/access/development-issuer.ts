import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import type { JSONWebKeySet, JWK } from 'jose';

import { omitUndefined } from '@tantieme/contracts/omit-undefined';

import type { Role } from './auth.js';
import { ConfigError, DEVELOPMENT_ISSUER } from '../runtime/config.js';
import { makeDataDirectory } from '../runtime/data-directory.js';

/**
 * The development issuer: a key pair in the data directory. Anyone who can read the file can mint a token for anybody.
 * That is why it is allowed on loopback addresses only (`config.ts`) and only its owner may read the file.
 */
const DEVELOPMENT_KEY_FILE = 'development-issuer.json';
const ALGORITHM = 'EdDSA';

/** A day: a token minted in the morning works until the next one. */
const LIFETIME_SECONDS = 24 * 60 * 60;

export interface MintOptions {
  readonly dataDirectory: string;
  readonly subject: string;
  readonly roles: readonly Role[];
  /** The partner that the holder acts for; required with the role `partner`. */
  readonly partner?: string | undefined;
  /** Default `tantieme`. */
  readonly audience?: string | undefined;
  /** Default: a day. */
  readonly lifetimeSeconds?: number | undefined;
}

/** A signed token of this data directory's development issuer; creates the key pair with the first token. */
export async function mintToken(options: MintOptions): Promise<string> {
  const jwk = await developmentKey(options.dataDirectory);
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT(omitUndefined({ roles: [...options.roles], partner: options.partner }))
    .setProtectedHeader({ alg: ALGORITHM, kid: jwk.kid ?? '', typ: 'JWT' })
    .setIssuer(DEVELOPMENT_ISSUER)
    .setAudience(options.audience ?? 'tantieme')
    .setSubject(options.subject)
    .setIssuedAt(now)
    .setExpirationTime(now + (options.lifetimeSeconds ?? LIFETIME_SECONDS))
    .sign(await importJWK(jwk, ALGORITHM));
}

/** The public half, with which tokens are verified. */
export async function developmentKeySet(dataDirectory: string): Promise<JSONWebKeySet> {
  const { d: _private, ...jwk } = await developmentKey(dataDirectory);
  return { keys: [jwk] };
}

/** @throws {ConfigError} where anyone but the owner may read the file. */
async function developmentKey(dataDirectory: string): Promise<JWK> {
  const file = join(dataDirectory, DEVELOPMENT_KEY_FILE);
  return (await readKey(file)) ?? (await createKey(dataDirectory, file));
}

async function readKey(file: string): Promise<JWK | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return undefined;
  // Windows has no such permission bits.
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw new ConfigError(
      file,
      'others than its owner may read it: run chmod 600 on it, or delete it to get a new one',
    );
  const jwk: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!isKey(jwk)) throw new ConfigError(file, 'it holds no private key: delete it to get a new one');
  return jwk;
}

async function createKey(dataDirectory: string, file: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  const whole = { ...jwk, alg: ALGORITHM, use: 'sig', kid: await calculateJwkThumbprint(jwk) };
  makeDataDirectory(dataDirectory);
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(whole), { mode: 0o600, flag: 'wx' });
  try {
    // Linking fails where another process was first: its key counts, and nobody ever reads half a file.
    await link(draft, file).catch((error: unknown) => {
      if (!isExisting(error)) throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  const stored = await readKey(file);
  if (stored === undefined) throw new ConfigError(file, 'the file cannot be written there');
  return stored;
}

function isKey(value: unknown): value is JWK {
  return typeof value === 'object' && value !== null && 'd' in value && 'kid' in value && typeof value.kid === 'string';
}

function isExisting(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST';
}
