import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import type { JWK } from 'jose';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { DEVELOPMENT_ISSUER } from '../runtime/config.js';
import { mintToken } from './development-issuer.js';
import { RolesOf } from './auth.js';
import { routesWithoutRoles } from './route-roles.js';
import { Sample } from '../testing/sample.fixture.js';

describe('access to a route', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.start();
  });
  afterAll(() => sample.stop());

  const get = async (url: string, token?: string) => {
    return sample.request({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  };

  it('is refused without a token, with a problem document that names the scheme', async () => {
    const { status, body, headers } = await get('/orders');
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({ status: 401, title: 'Unauthorized', code: 'Unauthenticated' });
  });

  it('is refused to other roles, naming the roles that would do and those of the token', async () => {
    expect(await get('/orders', await sample.token('jo', ['auditor']))).toMatchObject({
      status: 403,
      body: {
        code: 'RoleMissing',
        detail: 'needs one of the roles finance, partner; your token has: auditor',
      },
    });
  });

  it('is granted to each of its roles', async () => {
    expect((await get('/orders', await sample.token('jo', ['auditor', 'finance']))).status).toBe(200);
  });

  it('is refused to everybody where the route names no role', async () => {
    expect(await get('/forgotten/route', await sample.token('jo', ['operator']))).toMatchObject({ status: 403 });
  });

  it('is reported by the check of all routes where it names no roles', () => {
    expect(routesWithoutRoles(sample.application)).toEqual(['GET forgotten/route (ForgottenController.route)']);
  });

  it('cannot be taken from a command that names no roles', () => {
    class Forgotten {}
    expect(() => RolesOf(Forgotten)).toThrow('Forgotten names no roles');
  });

  it('follows the handler before its controller', async () => {
    expect((await get('/mixed/open')).status).toBe(200);
    expect((await get('/mixed/closed')).status).toBe(401);
    expect((await get('/mixed/closed', await sample.token('jo', ['operator']))).status).toBe(200);
  });

  describe('for a partner', () => {
    it('is limited to their own data', async () => {
      const token = await sample.token('pat', ['partner'], 'P1');
      expect((await get('/orders', token)).body).toMatchObject({ partner: 'P1' });
      expect((await get('/orders?partner=P1', token)).body).toMatchObject({ partner: 'P1' });
      expect(await get('/orders?partner=P2', token)).toMatchObject({ status: 403, body: { code: 'NotYours' } });
      expect(await get('/orders/P2', token)).toMatchObject({ status: 403, body: { code: 'NotYours' } });
    });

    it('is refused where the token names no partner', async () => {
      expect(await get('/orders', await sample.token('pat', ['partner']))).toMatchObject({
        status: 403,
        body: { code: 'PartnerClaimMissing' },
      });
    });

    it('is not widened by a role that the route does not name', async () => {
      expect((await get('/orders', await sample.token('pat', ['partner', 'auditor'], 'P1'))).body).toMatchObject({
        partner: 'P1',
      });
    });

    it('is not narrowed where the route names another of their roles', async () => {
      expect(
        (await get('/orders?partner=P2', await sample.token('pat', ['partner', 'finance'], 'P1'))).body,
      ).toMatchObject({ partner: 'P2' });
    });
  });

  describe('with an invalid token', () => {
    const claims = { roles: ['finance'] };
    const ownKey = () =>
      importJWK(
        JSON.parse(readFileSync(join(sample.config.dataDirectory, 'development-issuer.json'), 'utf8')) as JWK,
        'EdDSA',
      );
    const signed = () =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA' })
        .setIssuer(DEVELOPMENT_ISSUER)
        .setAudience('tantieme')
        .setSubject('jo')
        .setExpirationTime('5m');
    const tokens: Readonly<Record<string, () => string | Promise<string>>> = {
      'that has expired': () =>
        mintToken({
          dataDirectory: sample.config.dataDirectory,
          subject: 'jo',
          roles: ['finance'],
          lifetimeSeconds: -60,
        }),
      'that never expires': async () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'EdDSA' })
          .setIssuer(DEVELOPMENT_ISSUER)
          .setAudience('tantieme')
          .setSubject('jo')
          .sign(await ownKey()),
      'of another issuer': async () =>
        signed()
          .setIssuer('https://elsewhere.example.com')
          .sign(await ownKey()),
      'for another audience': async () =>
        signed()
          .setAudience('payroll')
          .sign(await ownKey()),
      'without a subject': async () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'EdDSA' })
          .setIssuer(DEVELOPMENT_ISSUER)
          .setAudience('tantieme')
          .setExpirationTime('5m')
          .sign(await ownKey()),
      'that is not valid yet': async () =>
        signed()
          .setNotBefore('1h')
          .sign(await ownKey()),
      'signed with another key': async () =>
        signed().sign((await generateKeyPair('EdDSA', { crv: 'Ed25519' })).privateKey),
      'signed with a shared secret': () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .setIssuer(DEVELOPMENT_ISSUER)
          .setAudience('tantieme')
          .setSubject('jo')
          .setExpirationTime('5m')
          .sign(new TextEncoder().encode('secret'.repeat(8))),
      'not signed at all (alg none)': () =>
        new UnsecuredJWT(claims)
          .setIssuer(DEVELOPMENT_ISSUER)
          .setAudience('tantieme')
          .setSubject('jo')
          .setExpirationTime('5m')
          .encode(),
      'of a subject reserved for services': async () =>
        signed()
          .setSubject('service:payouts')
          .sign(await ownKey()),
      'with its claims changed': async () => {
        const [header, , signature] = (await sample.token('jo', ['auditor'])).split('.');
        return `${header}.${Buffer.from(JSON.stringify({ sub: 'jo', ...claims })).toString('base64url')}.${signature}`;
      },
      'that is no token': () => 'nonsense',
    };

    it.each(Object.keys(tokens))('%s is refused', async (name) => {
      await sample.token('jo', ['finance']);
      expect(await get('/orders', await tokens[name]?.())).toMatchObject({
        status: 401,
        body: { code: 'Unauthenticated' },
      });
    });

    it('is refused to a token in the address', async () => {
      expect((await get(`/orders?access_token=${await sample.token('jo', ['finance'])}`)).status).toBe(401);
    });
  });

  it('ignores unknown roles', async () => {
    const key = await importJWK(
      JSON.parse(readFileSync(join(sample.config.dataDirectory, 'development-issuer.json'), 'utf8')) as JWK,
      'EdDSA',
    );
    const token = await new SignJWT({ roles: ['emperor', '__proto__'] })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(DEVELOPMENT_ISSUER)
      .setAudience('tantieme')
      .setSubject('jo')
      .setExpirationTime('5m')
      .sign(key);
    expect(await get('/orders', token)).toMatchObject({ status: 403, body: { code: 'RoleMissing' } });
  });
});
