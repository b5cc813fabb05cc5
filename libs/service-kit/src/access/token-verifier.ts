import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Inject, Injectable } from '@nestjs/common';
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose';

import { ROLES } from './auth.js';
import type { Principal, Role } from './auth.js';
import { DEVELOPMENT_ISSUER } from '../runtime/config.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { developmentKeySet } from './development-issuer.js';
import { CONFIG } from '../runtime/runtime-tokens.js';

/** No token, or one that is not believed: answered with 401. */
export class Unauthenticated extends Error {
  readonly code = 'Unauthenticated';
}

/** The issuer's keys cannot be had at the moment: answered with 503, as the token may well be good. */
export class IssuerUnavailable extends Error {
  readonly code = 'IssuerUnavailable';
}

/** Asymmetric signatures only: whoever can check a token cannot make one, and `none` is no signature. */
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

/** Clocks of issuer and verifier may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Processors act under `service:<name>`; no token may pass for one. */
const RESERVED_SUBJECT = /^service:/;

/** How long the issuer's discovery document may take. */
const DISCOVERY_TIMEOUT_MS = 5000;

/** Checks bearer tokens (RFC 9068 in spirit) against the configured issuer. */
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
    return {
      subject,
      roles: rolesOf(claimAt(payload, this.config.rolesClaim)),
      ...(typeof partner === 'string' && partner !== '' ? { partner } : {}),
    };
  }

  private keysOfIssuer(): Promise<JWTVerifyGetKey> {
    // A failure is not kept: the next request tries again.
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
  if (!isObject(document) || document['issuer'] !== issuer) throw new Error(`${address} is of another issuer`);
  const keys = document['jwks_uri'];
  if (typeof keys !== 'string') throw new Error(`${address} names no jwks_uri`);
  return keys;
}

function keySetFrom(document: unknown): JSONWebKeySet {
  if (!isObject(document) || !Array.isArray(document['keys'])) throw new Error('the file is no JSON Web Key Set');
  return { keys: document['keys'] };
}

/** A list, or one text with blanks between (as `scope` is written). Names that we do not know are somebody else's. */
function rolesOf(claim: unknown): readonly Role[] {
  const names: readonly unknown[] = Array.isArray(claim) ? claim : typeof claim === 'string' ? claim.split(' ') : [];
  return ROLES.filter((role) => names.includes(role));
}

function claimAt(payload: JWTPayload, path: string): unknown {
  // A claim whose own name has dots (`https://example.com/roles`) comes before a path.
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
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the token's claim "${error.claim}" is not what it must be`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed with an algorithm that is not accepted';
  return 'the token is not valid';
}
