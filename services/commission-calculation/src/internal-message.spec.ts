import { describe, expect, it } from '@jest/globals';
import { decodeInternalMessage } from './earning/earning.consumer.js';

const COMMON = { id: 'm-1', time: '2026-03-05T10:00:00Z', payee: 'acme', plan: 'resellers' };
const CAUSE = { correlationId: 'c-1', causationId: 'e-1' };

const MESSAGES = {
  credit: { ...COMMON, deal: 'crm|D-1', number: 1, groups: [], ...CAUSE },
  'child earning': { ...COMMON, deal: 'crm|D-1', child: 'ada', revision: 0, earned: [], ...CAUSE },
  quota: { ...COMMON, kind: 'quota', revision: 0, quotas: [], ...CAUSE },
  claims: { ...COMMON, kind: 'claims', component: 'spiff', deal: 'crm|D-1', revision: 0, claims: [], ...CAUSE },
  grant: { ...COMMON, kind: 'grant', component: 'spiff', deal: 'crm|D-1', revision: 0, granted: [], ...CAUSE },
};

/** Nothing of these is in any field of a message: texts, whole numbers that a double can hold, lists. */
const WRONG = [null, true, {}, 1.5, Number.MAX_SAFE_INTEGER + 1, -Number.MAX_SAFE_INTEGER - 1];

const refuse = (message: unknown) =>
  expect(() => decodeInternalMessage(JSON.stringify(message))).toThrow(
    new TypeError('the message is not one of commission-calculation'),
  );

describe.each(Object.entries(MESSAGES))('a %s message', (_, message) => {
  it('is accepted, with fields that a later version may have', () => {
    for (const one of [message, { ...message, later: 1 }])
      expect(decodeInternalMessage(JSON.stringify(one))).toEqual(one);
  });

  it.each(Object.entries(message))('is refused where %s is missing or wrong', (name, value) => {
    refuse({ ...message, [name]: undefined });
    for (const wrong of [...WRONG, typeof value === 'string' ? 1 : 'x', Array.isArray(value) ? 1 : []])
      refuse({ ...message, [name]: wrong });
  });
});

it.each([null, 1, 'x', [], {}])('%j is no message', (value) => {
  refuse(value);
});
