import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { ID_DESCRIPTION } from '@tantieme/contracts/ids';
import type { DealFact, DealTerms } from '@tantieme/contracts/deal';
import { factKeyOf, identityOf, normalFact, readableFactKey } from './deal-fact.js';
import type { FieldReason } from './deal-fact.js';
import { amended, booked, paid, registration, returned, terms, withdrawn } from './deal.fixture.js';

function faultsOf(fact: DealFact): readonly FieldReason[] {
  try {
    normalFact(fact);
  } catch (error) {
    if (error instanceof DomainError) return error.fields;
    throw error;
  }
  return [];
}

const withTerms = (changes: Partial<DealTerms>): DealFact => booked({ terms: terms(changes) });

describe('the normal form of a fact', () => {
  it('has instants in UTC, amounts with the decimals of the currency, lines in order of their ids', () => {
    const fact = normalFact(
      booked({
        occurredAt: '2026-03-05T11:00:00+01:00',
        terms: terms({
          lines: [
            { id: '10', net: '5', quantity: '2.50' },
            { id: 'A', net: '-1.5' },
            { id: '9', net: '0', gross: '1.2', cost: '3' },
          ],
          partners: [{ role: 'seller', partner: 'P-1', share: '1.0' }],
          attributes: { b: '2', a: '1' },
        }),
      }),
    );
    expect(JSON.stringify(fact)).toBe(
      JSON.stringify({
        source: 'crm',
        deal: 'D-1',
        occurredAt: '2026-03-05T10:00:00.000Z',
        kind: 'booked',
        terms: {
          currency: 'EUR',
          lines: [
            { id: '9', net: '0.00', gross: '1.20', cost: '3.00' },
            { id: '10', quantity: '2.5', net: '5.00' },
            { id: 'A', net: '-1.50' },
          ],
          partners: [{ role: 'seller', partner: 'P-1' }],
          attributes: { a: '1', b: '2' },
        },
      }),
    );
    expect(normalFact(fact)).toEqual(fact);
  });

  it('has no decimals when the currency has none', () => {
    const fact = normalFact(withTerms({ currency: 'KRW', lines: [{ id: '1', net: '3600000' }] }));
    expect(fact).toMatchObject({ terms: { lines: [{ net: '3600000' }] } });
  });

  it('keeps the amounts of the source, whatever quantity and price would give', () => {
    const lines = [{ id: '1', quantity: '3', net: '10.00', gross: '11.99', original: { net: '9.996' } }];
    expect(normalFact(withTerms({ lines }))).toMatchObject({ terms: { lines } });
  });
});

describe('a fact is refused, with field and reason,', () => {
  it('for an amount with more decimals than its currency', () => {
    expect(faultsOf(withTerms({ lines: [{ id: '1', net: '1.005' }] }))).toEqual([
      { field: 'terms.lines.0.net', reason: '"1.005" has more than 2 decimals' },
    ]);
  });

  it.each(['1e400', '0x10', '', '1.234,56', '-0', '1'.repeat(40), ' 1', '1.', '٣'])('for the amount %j', (net) => {
    expect(faultsOf(withTerms({ lines: [{ id: '1', net }] }))).toMatchObject([{ field: 'terms.lines.0.net' }]);
  });

  it.each(['2026-02-30T00:00:00Z', '2026-03-05', '2026-03-05T10:00:00', 'yesterday', '0026-03-05T10:00:00Z', ''])(
    'for the time %j',
    (occurredAt) => {
      expect(faultsOf(booked({ occurredAt }))).toMatchObject([{ field: 'occurredAt' }]);
    },
  );

  it('for a currency that does not exist', () => {
    expect(faultsOf(withTerms({ currency: 'EURO' }))).toEqual([
      { field: 'terms.currency', reason: '"EURO" is not an ISO 4217 currency code' },
    ]);
  });

  it('for two lines with the same id', () => {
    const line = { id: '1', net: '1.00' };
    expect(faultsOf(withTerms({ lines: [line, line] }))).toMatchObject([{ field: 'terms.lines.1.id' }]);
  });

  it('for shares that do not sum to 1', () => {
    const sellers = (...shares: string[]): DealTerms['partners'] =>
      shares.map((share, index) => ({ role: 'seller', partner: `P-${index}`, share }));
    expect(faultsOf(withTerms({ partners: sellers('0.5', '0.4') }))).toEqual([
      { field: 'terms.partners', reason: 'of seller: the shares sum to 0.9, not to 1' },
    ]);
    expect(faultsOf(withTerms({ partners: sellers('0.6', '0.4') }))).toEqual([]);
  });

  it('for two partners in one role without shares', () => {
    const partners: DealTerms['partners'] = [
      { role: 'seller', partner: 'P-1' },
      { role: 'seller', partner: 'P-2' },
    ];
    expect(faultsOf(withTerms({ partners }))).toMatchObject([{ field: 'terms.partners' }]);
  });

  it('for a source that contains the separator of source and id', () => {
    expect(faultsOf(booked({ source: 'crm|x' }))).toEqual([{ field: 'source', reason: `must be ${ID_DESCRIPTION}` }]);
  });

  it('for invisible characters in ids', () => {
    expect(faultsOf(booked({ deal: 'D\u00001' }))).toMatchObject([{ field: 'deal' }]);
    expect(faultsOf(booked({ deal: 'D\ud800' }))).toMatchObject([{ field: 'deal' }]);
  });

  it('for a returned amount that is not positive', () => {
    expect(faultsOf(returned({ lines: [{ line: '1', net: '-5' }] }))).toMatchObject([{ field: 'lines.0.net' }]);
    expect(faultsOf(returned({ lines: [{ line: '1', net: '0.00' }] }))).toMatchObject([{ field: 'lines.0.net' }]);
  });

  it('naming every fault', () => {
    const fact = booked({ occurredAt: 'x', terms: terms({ lines: [{ id: '', net: 'y' }] }) });
    expect(faultsOf(fact).map(({ field }) => field)).toEqual(['occurredAt', 'terms.lines.0.id', 'terms.lines.0.net']);
  });
});

describe('the identity of a fact', () => {
  it('is its kind if a deal has one of it, else its kind and id', () => {
    expect(identityOf(booked(), 'h')).toBe('booked');
    expect(identityOf(paid(), 'h')).toBe('paid:PAY-1');
    expect(identityOf(returned(), 'h')).toBe('returned:R-1');
  });

  it('is the revision of an amendment, or without one its time and content', () => {
    expect(identityOf(amended({ revision: 4 }), 'h')).toBe('amended:4');
    expect(identityOf(amended(), 'h')).toBe('amended@2026-03-10T10:00:00.000Z#h');
  });
});

describe('a withdrawal', () => {
  it('is what identifies the fact, without the content that it repeats', () => {
    expect(normalFact(withdrawn(paid({ revision: 2 })))).toEqual({
      source: 'crm',
      deal: 'D-1',
      kind: 'paid',
      id: 'PAY-1',
      occurredAt: '2026-03-25T10:00:00.000Z',
      revision: 2,
      withdrawn: true,
    });
    expect(normalFact(withdrawn(booked()))).not.toHaveProperty('terms');
  });
});

describe('a line', () => {
  const line = { id: '1', net: '1200.00', variant: 'V', product: 'P', family: 'F', category: 'C' };
  const subscription = { id: 'SUB-1', start: '2026-03-01', months: 12 };

  it('names what it sells, from variant to category, and its subscription', () => {
    const fact = withTerms({ lines: [{ ...line, subscription }] });
    expect(normalFact(fact)).toMatchObject({ terms: { lines: [{ ...line, subscription }] } });
  });

  it.each([
    ['id', { id: '' }],
    ['start', { start: '2026-02-30' }],
    ['start', { start: '2026-03-01T00:00:00Z' }],
    ['months', { months: 0 }],
    ['months', { months: 1.5 }],
  ])('is refused for a bad %s of its subscription', (field, over) => {
    const fact = withTerms({ lines: [{ ...line, subscription: { ...subscription, ...over } }] });
    expect(faultsOf(fact)).toMatchObject([{ field: `terms.lines.0.subscription.${field}` }]);
  });
});

describe('a registration', () => {
  it('is identified by its id and revision, or without one by its time and content', () => {
    expect(identityOf(registration({ revision: 3 }), 'hash')).toBe('registration:REG-1:3');
    expect(identityOf(registration(), 'hash')).toBe('registration:REG-1@2026-02-20T10:00:00.000Z#hash');
  });

  it.each([
    ['id', { id: '' }],
    ['holder', { holder: 'a\u0007b' }],
    ['from', { from: '2026-02-30' }],
    ['until', { until: 'soon' }],
    ['until', { from: '2026-03-01', until: '2026-03-01' }],
    ['until', { until: '2026-02-20' }],
  ])('is refused for a bad %s', (field, over) => {
    expect(faultsOf(registration(over))).toMatchObject([{ field }]);
  });
});

describe('the key of a refused fact', () => {
  it.each([
    booked(),
    paid(),
    returned(),
    amended({ revision: 4 }),
    amended(),
    registration(),
    registration({ revision: 2 }),
    paid({ revision: 3 }),
    withdrawn(paid({ revision: 3 })),
    withdrawn(amended()),
  ])('is that of the fact when it is right: $kind $id $revision', (fact) => {
    const key = factKeyOf(normalFact(fact));
    expect(readableFactKey(fact)).toBe(key);
    expect(identityOf(normalFact(fact), 'hash').startsWith(key)).toBe(true);
  });

  it.each([
    ['no fact', 7],
    ['no kind', { id: 'R-1' }],
    ['an unknown kind', { kind: 'sold' }],
    ['a return without an id', { kind: 'returned' }],
    ['an amendment without revision and time', { kind: 'amended', occurredAt: 'yesterday' }],
    ['a revision that is not a number', { kind: 'amended', revision: 'two', occurredAt: '2026-03-05T10:00:00Z' }],
  ])('cannot be read from %s', (_, value) => {
    expect(readableFactKey(value)).toBeUndefined();
  });
});
