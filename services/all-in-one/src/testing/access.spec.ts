import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApplication } from '@tantieme/service-kit/application/application';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { commandsOf, routesWithoutRoles } from '@tantieme/service-kit/access/route-roles';
import { withDocumentedAnswers } from '@tantieme/service-kit/testing/documented-answers.fixture';
import { AllInOneModule } from '../all-in-one.module.js';
import { configOf, temporaryDirectory } from './end-to-end.fixture.js';

describe('access to the API of all services', () => {
  const directory = temporaryDirectory();
  let application: NestFastifyApplication;
  beforeAll(async () => {
    application = await createApplication(withDocumentedAnswers(AllInOneModule), configOf(directory.path));
  });
  afterAll(async () => {
    await application.close();
    directory.remove();
  });

  it('has roles on every route', () => {
    expect(routesWithoutRoles(application)).toEqual([]);
  });

  it('has roles on every command', () => {
    const commands = commandsOf(application);
    expect(commands.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['ImportFacts', 'ClosePeriod', 'ApproveStatement']),
    );
    expect(commands.filter(({ named }) => !named)).toEqual([]);
  });

  it.each([
    '/partners',
    '/deals',
    '/plans',
    '/periods',
    '/earnings',
    '/programmes',
    '/bonuses',
    '/statements',
    '/payouts',
    '/health/lag',
  ])('needs a token: %s', async (url) => {
    expect((await application.inject({ method: 'GET', url })).statusCode).toBe(401);
  });

  it.each([
    ['source', 'POST', '/statements/approve'],
    ['finance', 'POST', '/plans'],
    ['plan-designer', 'POST', '/plans/resellers/versions/1/approve'],
    ['plan-designer', 'POST', '/plans/resellers/versions/1/publish'],
    ['approver', 'POST', '/plans'],
    ['approver', 'POST', '/plans/resellers/end'],
    ['auditor', 'POST', '/deals/facts'],
    ['approver', 'POST', '/imports?format=ndjson'],
    ['partner', 'GET', '/payouts'],
    ['plan-designer', 'POST', '/periods/monthly@Europe%2FParis/2026-01/close'],
  ] as const)('refuses the role %s: %s %s', async (role, method, url) => {
    const token = await mintToken({
      dataDirectory: directory.path,
      roles: [role],
      subject: 'somebody',
      partner: role === 'partner' ? 'P1' : undefined,
    });
    const answer = await application.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(method === 'POST' ? { payload: '{}' } : {}),
    });
    expect(answer.statusCode).toBe(403);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('shows a partner no data of another', async () => {
    const token = await mintToken({
      dataDirectory: directory.path,
      roles: ['partner'],
      subject: 'anna',
      partner: 'anna',
    });
    const get = async (url: string) =>
      (await application.inject({ method: 'GET', url, headers: { authorization: `Bearer ${token}` } })).statusCode;
    expect(await get('/statements?payee=bert')).toBe(403);
    expect(await get('/statements')).toBe(200);
    expect(await get('/earnings?payee=bert')).toBe(403);
  });
});
