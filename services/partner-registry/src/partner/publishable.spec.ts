import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { decode } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import fc from 'fast-check';
import { openPartners } from '../partner-registry.module.js';
import { PARTNERS } from './partner.events-out.js';
import type { PartnerChange } from './partner.js';

let store: EventStore;
beforeEach(() => {
  store = openSqliteEventStore(':memory:');
});
afterEach(() => store.close());

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('Ada', 'a\tb', 'a\nb', '\u0085', '__proto__', '\ud800'),
  fc.nat(700).map((length) => 'x'.repeat(length)),
);

const changes: fc.Arbitrary<PartnerChange> = fc.oneof(
  texts.map((name) => ({ kind: 'details' as const, details: { name, channel: 'retail' as const, country: 'FR' } })),
  texts.map((tier) => ({ kind: 'tier' as const, from: '2026-01-01', tier })),
  texts.map((certification) => ({
    kind: 'certification' as const,
    certification: { id: certification.slice(0, 50), certification, from: '2026-01-01' },
  })),
  texts.map((plan) => ({ kind: 'agreement' as const, agreement: { id: 'A', plan, from: '2026-01-01' } })),
);

it('every change of a partner that is accepted can be published', async () => {
  const partners = openPartners(store);
  const context = (cause: string) => ({ actor: 'test', correlationId: 'c', cause });
  const ada = { name: 'Ada', channel: 'retail', country: 'FR' } as const;
  await partners.handle(
    'partner-P',
    { id: 'P', change: { kind: 'details', details: ada }, at: '2026-01-01T00:00:00Z' },
    context('0'),
  );
  let accepted = 0;
  let number = 0;
  await fc.assert(
    fc.asyncProperty(changes, async (change) => {
      number += 1;
      const command = { id: 'P', change, at: '2026-01-01T00:00:00Z' };
      try {
        await partners.handle('partner-P', command, context(String(number)));
        accepted += 1;
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
      }
    }),
    { numRuns: 300, seed: 16 },
  );
  expect(accepted).toBeGreaterThan(30);
  for (const stored of await store.readStream('partner-P'))
    for (const message of PARTNERS.toMessages(stored)) expect(decode(message.value).type).toBe('partner');
});

it.each([
  ['a tier with a TAB', { kind: 'tier', from: '2026-01-01', tier: 'gold\t' }, 'tiers.0.value'],
  [
    'a certification of 101 characters',
    { kind: 'certification', certification: { id: 'c', certification: 'x'.repeat(101), from: '2026-01-01' } },
    'certifications.0.certification',
  ],
] as const)('%s is refused before it is stored, by the name of its field', async (_, change, field) => {
  const partners = openPartners(store);
  const context = { actor: 'test', correlationId: 'c', cause: '0' };
  const details = { name: 'Ada', channel: 'retail', country: 'FR' } as const;
  const at = '2026-01-01T00:00:00Z';
  await partners.handle('partner-P', { id: 'P', change: { kind: 'details', details }, at }, context);
  await expect(partners.handle('partner-P', { id: 'P', change, at }, { ...context, cause: '1' })).rejects.toMatchObject(
    {
      code: 'MessageInvalid',
      kind: 'invalid',
      fields: [{ field }],
    },
  );
  expect(await store.readStream('partner-P')).toHaveLength(1);
});
