/** Three descriptions of a programme must agree: the DTO, the OpenAPI document, and the JSON Schema of calendars. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiDocument } from '@tantieme/service-kit/http/openapi';
import { requestValidation } from '@tantieme/service-kit/http/validation';
import { CALENDAR_SCHEMA } from '@tantieme/time/calendar/document';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';

import { document } from '../bonus/bonus.fixture.js';
import { RewardsApplication } from '../testing/http.fixture.js';
import { ProgrammeDto } from './programme.dto.js';

let rewards: RewardsApplication;
let matchesOpenApi: ValidateFunction;
let calendarMatchesOpenApi: ValidateFunction;

beforeAll(async () => {
  rewards = await RewardsApplication.start();
  const { components } = apiDocument(rewards.application);
  // OpenAPI has keywords that JSON Schema does not know: `example`.
  const ajv = new Ajv2020({ strict: false }).addSchema({ $id: 'openapi', components });
  matchesOpenApi = ajv.compile({ $ref: 'openapi#/components/schemas/ProgrammeDto' });
  calendarMatchesOpenApi = ajv.compile({ $ref: 'openapi#/components/schemas/CalendarDto' });
});
afterAll(() => rewards.end());

async function matchesDto(body: unknown): Promise<boolean> {
  try {
    await requestValidation().transform(body, { type: 'body', metatype: ProgrammeDto });
    return true;
  } catch {
    return false;
  }
}

const weekly = { periods: 'weekly', timeZone: 'Europe/Paris', starts: '2026-01-05' };
const retail = { yearStarts: '02-01', weeks: '4-4-5' };

const CALENDARS: readonly unknown[] = [
  { periods: 'monthly', timeZone: 'Europe/Paris' },
  weekly,
  { ...weekly, fiscal: retail },
  { ...weekly, fiscal: { yearStarts: '02-01' } },
  undefined,
  'monthly',
  {},
  { periods: 'monthly' },
  { timeZone: 'Europe/Paris' },
  { ...weekly, periods: 'dayly' },
  { ...weekly, timeZone: '' },
  { ...weekly, timeZone: 1 },
  { ...weekly, timeZone: 'x'.repeat(64) },
  { ...weekly, timeZone: 'x'.repeat(65) },
  { ...weekly, starts: 'monday' },
  { ...weekly, starts: 20260105 },
  { ...weekly, fiscal: {} },
  { ...weekly, fiscal: { ...retail, yearStarts: '2-1' } },
  { ...weekly, fiscal: { ...retail, weeks: '4-4-6' } },
];

const measure = document().measure;
const tier = { from: '5.00', pay: '1.00' };

const DOCUMENTS: readonly unknown[] = [
  document(),
  ...CALENDARS.map((calendar) => ({ ...document(), calendar })),
  ...['programme', 'title', 'currency', 'measure', 'tiers', 'from'].map((name) => ({
    ...document(),
    [name]: undefined,
  })),
  ...['programme', 'title', 'currency', 'measure', 'tiers', 'from', 'until', 'eligible'].map((name) => ({
    ...document(),
    [name]: 5,
  })),
  ...['programme', 'title', 'currency', 'from', 'until'].map((name) => ({ ...document(), [name]: 'x'.repeat(300) })),
  ...['', 'a'].flatMap((text) => ['programme', 'title'].map((name) => ({ ...document(), [name]: text }))),
  { ...document(), measure: { ...measure, of: 'amount' } },
  { ...document(), measure: { ...measure, over: 'month' } },
  { ...document(), measure: { ...measure, plans: ['a'] } },
  { ...document(), measure: { ...measure, plans: 'a' } },
  { ...document(), measure: { ...measure, plans: [5] } },
  { ...document(), measure: { ...measure, components: Array.from({ length: 201 }, () => 'a') } },
  ...['calendar', 'measure', 'eligible'].map((name) => ({ ...document(), [name]: [] })),
  { ...document(), eligible: [{ channel: ['retail'] }] },
  { ...document(), eligible: {} },
  { ...document(), eligible: { channel: ['retail', 'direct'] } },
  { ...document(), eligible: { channel: ['retial'] } },
  { ...document(), tiers: [] },
  { ...document(), tiers: [{}] },
  { ...document(), tiers: [{ ...tier, from: 5 }] },
  { ...document(), tiers: [{ ...tier, pay: 'x'.repeat(41) }] },
  { ...document(), tiers: Array.from({ length: 201 }, () => tier) },
  { ...document(), until: '2027-01-01' },
];

describe('the description of a programme', () => {
  it.each(DOCUMENTS.map((body) => [JSON.stringify(body), body] as const))(
    'is the same in the DTO and in OpenAPI: %s',
    async (_, body) => {
      const plain: unknown = JSON.parse(JSON.stringify(body));
      expect(matchesOpenApi(plain)).toBe(await matchesDto(plain));
    },
  );

  it.each(CALENDARS.filter((calendar) => calendar !== undefined).map((one) => [JSON.stringify(one), one] as const))(
    'has the calendars of plans: %s',
    (_, calendar) => {
      const matchesSchema = new Ajv2020().compile(CALENDAR_SCHEMA);
      expect(calendarMatchesOpenApi(calendar)).toBe(matchesSchema(calendar));
    },
  );
});
