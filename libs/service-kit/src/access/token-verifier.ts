import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Inject, Injectable } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWK, JWTPayload, JWTVerifyGetKey } from 'jose';

import { ROLES } from './auth.js';
import type { Principal, Role } from './auth.js';
import { DEVELOPMENT_ISSUER } from '../runtime/config.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { developmentKeySet } from './development-issuer.js';
import { CONFIG } from '../runtime/runtime-tokens.js';

/** No token, or one that is not valid: answered with 401. */
export class Unauthenticated extends Error {
  readonly code = 'Unauthenticated';
}

/** The issuer's keys cannot be fetched: answered with 503, since the token may well be valid. */
export class IssuerUnavailable extends Error {
  readonly code = 'IssuerUnavailable';
}

/** Asymmetric signatures only: being able to verify a token must not allow minting one, and `none` is no signature. */
const ALGORITHMS = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];

/** How far the clocks of issuer and verifier may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Background work acts as `service:<name>`; no token may claim such a subject. */
const RESERVED_SUBJECT = /^service:/;

const DISCOVERY_TIMEOUT_MS = 5000;

/** Verifies bearer tokens (in the spirit of RFC 9068) against the configured issuer. */
@Injectable()
export class TokenVerifier {
  private keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(@Inject(CONFIG) private readonly config: RuntimeConfig) {}

  /** @throws {Unauthenticated | IssuerUnavailable} */
  async verify(token: string): Promise<Principal> {
    const keys = await this.keysOfIssuer();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: this.config.issuer,
        audience: this.config.audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      return this.principalFrom(payload);
    } catch (error) {
      if (error instanceof Unauthenticated) throw error;
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError))
        throw new IssuerUnavailable('the keys of the issuer cannot be fetched', { cause: error });
      throw new Unauthenticated(reasonOf(error), { cause: error });
    }
  }

  private principalFrom(payload: JWTPayload): Principal {
    const subject = payload.sub;
    if (typeof subject !== 'string' || subject === '') throw new Unauthenticated('the token names no subject');
    if (RESERVED_SUBJECT.test(subject)) throw new Unauthenticated('the subject of the token is reserved for services');
    const partner = claimAt(payload, this.config.partnerClaim);
    return omitUndefined({
      subject,
      roles: rolesOf(claimAt(payload, this.config.rolesClaim)),
      partner: typeof partner === 'string' && partner !== '' ? partner : undefined,
    });
  }

  private keysOfIssuer(): Promise<JWTVerifyGetKey> {
    // A failure is not cached: the next request tries again.
    this.keys ??= findKeys(this.config).catch((error: unknown) => {
      this.keys = undefined;
      throw new IssuerUnavailable('the keys of the issuer cannot be found', { cause: error });
    });
    return this.keys;
  }
}

async function findKeys(config: RuntimeConfig): Promise<JWTVerifyGetKey> {
  if (config.issuer === DEVELOPMENT_ISSUER) return createLocalJWKSet(await developmentKeySet(config.dataDirectory));
  const url = new URL(config.jwksUrl ?? (await discoverKeys(config.issuer)));
  if (url.protocol !== 'file:') return createRemoteJWKSet(url);
  return createLocalJWKSet(keySetFrom(JSON.parse(await readFile(fileURLToPath(url), 'utf8'))));
}

/** OpenID Connect Discovery 1.0, 4: the document must name the very issuer that was asked. */
async function discoverKeys(issuer: string): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const answer = await fetch(address, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS), redirect: 'error' });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const document: unknown = await answer.json();
  if (!isObject(document) || document['issuer'] !== issuer) throw new Error(`${address} belongs to another issuer`);
  const keys = document['jwks_uri'];
  if (typeof keys !== 'string') throw new Error(`${address} names no jwks_uri`);
  return keys;
}

function keySetFrom(document: unknown): JSONWebKeySet {
  if (!isObject(document) || !Array.isArray(document['keys'])) throw new Error('the file is not a JSON Web Key Set');
  return { keys: document['keys'] as JWK[] };
}

/** A list, or one text separated by blanks (like `scope`). Unknown names are ignored. */
function rolesOf(claim: unknown): readonly Role[] {
  const names: readonly unknown[] = Array.isArray(claim) ? claim : typeof claim === 'string' ? claim.split(' ') : [];
  return ROLES.filter((role) => names.includes(role));
}

function claimAt(payload: JWTPayload, path: string): unknown {
  // A claim whose own name contains dots (`https://example.com/roles`) wins over a path.
  if (Object.hasOwn(payload, path)) return payload[path];
  return path
    .split('.')
    .reduce<unknown>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), payload);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `the token's claim "${error.claim}" does not match`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed with an algorithm that is not accepted';
  return 'the token is not valid';
}
