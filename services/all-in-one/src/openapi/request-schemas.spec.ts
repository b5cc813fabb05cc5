/**
 * Routes and messages have one opinion of a field: what a route accepts fits the schema of the message that carries it,
 * and the other way round. Each value of a list is sent to the route and checked against the message's schema.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { schemaOf } from '@tantieme/contracts/schemas';
import { createApplication } from '@tantieme/service-kit/application/application';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { AllInOneModule } from '../all-in-one.module.js';
import { configOf, temporaryDirectory } from '../testing/end-to-end.fixture.js';

/** A route with a valid body, and the schema that holds its fields in the message `partner`. */
interface Twin {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Pointer into the schema of the message. */
  readonly schema: string;
  /** Fields of the body and their names in the schema. */
  readonly fields: Readonly<Record<string, string>>;
}

const DATED = { from: '2026-01-01', until: '2027-01-01' };

const TWINS: readonly Twin[] = [
  {
    path: '/partners/P-1',
    body: { name: 'Ada Resale', channel: 'retail', country: 'FR' },
    schema: '/properties',
    fields: { name: 'name', channel: 'channel', country: 'country' },
  },
  {
    path: '/partners/P-1/tiers/2026-01-01',
    body: { tier: 'gold' },
    schema: '/properties/tiers/items/properties',
    fields: { tier: 'value' },
  },
  {
    path: '/partners/P-1/uplines/2026-01-01',
    body: { upline: null },
    schema: '/properties/uplines/items/properties',
    fields: { upline: 'value' },
  },
  {
    path: '/partners/P-1/agreements/A-1',
    body: { plan: 'resellers', ...DATED },
    schema: '/properties/agreements/items/properties',
    fields: { plan: 'plan', from: 'from', until: 'until' },
  },
  {
    path: '/partners/P-1/certifications/C-1',
    body: { certification: 'security', ...DATED, count: 1 },
    schema: '/properties/certifications/items/properties',
    fields: { certification: 'certification', from: 'from', until: 'until', count: 'count' },
  },
];

/** Texts at and beyond every limit, and values of other types. */
const VALUES: readonly unknown[] = [
  ...[
    '',
    ' ',
    'x',
    'FR',
    'fr',
    'FRA',
    'EUR',
    'retail',
    'Retail',
    'a|b',
    'a\nb',
    '\u0000',
    '\ud800',
    '\u2028',
    '__proto__',
  ],
  ...[100, 101, 200, 201, 500, 501].map((length) => 'x'.repeat(length)),
  ...['2026-06-30', '2026-02-30', '2026-6-30', '2026-06-30T00:00:00Z'],
  ...[0, 1, -1, 1.5, 1_000_000, 1_000_001, true, null],
  ...[[], ['x'], {}],
];

describe('what a route accepts', () => {
  const directory = temporaryDirectory();
  let application: NestFastifyApplication;
  let authorization: string;
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(schemaOf('partner'), 'partner');

  beforeAll(async () => {
    application = await createApplication(AllInOneModule, configOf(directory.path), () => false);
    const token = await mintToken({ dataDirectory: directory.path, subject: 'ada', roles: ['operator'] });
    authorization = `Bearer ${token}`;
  });
  afterAll(async () => {
    await application.close();
    directory.remove();
  });

  it.each(TWINS)('fits the message, and the other way round: $path', async ({ path, body, schema, fields }) => {
    /** The code of the problem; undefined where the body was accepted. */
    const put = async (payload: object): Promise<string | undefined> => {
      const answer = await application.inject({ method: 'PUT', url: path, headers: { authorization }, payload });
      return answer.json<{ code?: string }>().code;
    };
    expect(await put(body)).toBeUndefined();
    const contradictions: string[] = [];
    for (const [field, name] of Object.entries(fields)) {
      const fits = ajv.compile({ $ref: `partner#${schema}/${name}` });
      for (const value of VALUES) {
        const code = await put({ ...body, [field]: value });
        // A refusal with another code is the domain's: an unknown partner, say.
        const isContradiction = fits(value)
          ? code === 'RequestInvalid'
          : code === undefined || code === 'InternalError';
        if (isContradiction)
          contradictions.push(`${field} ${JSON.stringify(value).slice(0, 40)}: ${code ?? 'accepted'}`);
      }
    }
    expect(contradictions).toEqual([]);
  });
});
