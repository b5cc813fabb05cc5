import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';

import { loadConfig } from '../runtime/config.js';
import { IssuerUnavailable, TokenVerifier, Unauthenticated } from './token-verifier.js';

/** A small OIDC issuer on loopback. */
describe('tokens of an OIDC issuer', () => {
  let server: Server;
  let issuer: string;
  let key: CryptoKey;
  let discovery: Record<string, unknown>;
  let up: boolean;
  let verifier: TokenVerifier;

  beforeAll(async () => {
    const pair = await generateKeyPair('RS256');
    key = pair.privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
    server = createServer((request, response) => {
      if (!up) response.writeHead(500).end();
      else if (request.url === '/.well-known/openid-configuration') response.end(JSON.stringify(discovery));
      else response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // A server on a TCP port has an address object.
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    up = true;
    discovery = { issuer, jwks_uri: `${issuer}/keys` };
    verifier = new TokenVerifier(
      loadConfig({
        TANTIEME_ISSUER: issuer,
        TANTIEME_ROLES_CLAIM: 'realm_access.roles',
        TANTIEME_PARTNER_CLAIM: 'https://tantieme/partner',
      }),
    );
  });

  const tokenOf = (claims: JWTPayload, subject = 'jo'): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(issuer)
      .setAudience('tantieme')
      .setSubject(subject)
      .setExpirationTime('5m')
      .sign(key);

  it('are verified with the keys found by discovery; roles and partner come from the configured claims', async () => {
    const token = await tokenOf({
      realm_access: { roles: ['finance', 'offline_access'] },
      'https://tantieme/partner': 'P1',
    });
    await expect(verifier.verify(token)).resolves.toEqual({ subject: 'jo', roles: ['finance'], partner: 'P1' });
  });

  it('cannot claim the subject of a service', async () => {
    await expect(verifier.verify(await tokenOf({}, 'service:payouts'))).rejects.toThrow(Unauthenticated);
  });

  it('are refused as unavailable while the issuer is down, and accepted once it is back', async () => {
    const token = await tokenOf({ realm_access: { roles: ['finance'] } });
    up = false;
    await expect(verifier.verify(token)).rejects.toThrow(IssuerUnavailable);
    up = true;
    await expect(verifier.verify(token)).resolves.toMatchObject({ subject: 'jo' });
  });

  it('are refused where the discovery document belongs to another issuer', async () => {
    discovery = { issuer: 'https://elsewhere.example.com', jwks_uri: `${issuer}/keys` };
    await expect(verifier.verify(await tokenOf({}))).rejects.toThrow(IssuerUnavailable);
  });
});
