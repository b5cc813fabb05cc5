import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Deal, DealFact } from '@tantieme/contracts/deal';
import { dealAfter, dealDecider, dealOf } from './deal.js';
import { FACTS_MAX } from '../limits.js';
import type { DealFactRecorded } from './deal.js';
import type { DealState } from './facts-in-force.js';
import { compareText } from '@tantieme/contracts/compare-text';
import { factKeyOf } from './deal-fact.js';
import { stageOf } from './deal-stage.js';
import { amended, booked, paid, recorded, registration, returned, terms, withdrawn } from './deal.fixture.js';

function given(...facts: DealFact[]): DealState {
  let state = dealDecider.initialState();
  for (const fact of facts)
    for (const event of dealDecider.decide(recorded(fact), state)) state = dealDecider.evolve(state, event);
  return state;
}

const deciding = (fact: DealFact, state: DealState): readonly DealFactRecorded[] =>
  dealDecider.decide(recorded(fact), state);

function after(event: DealFactRecorded | undefined): Deal {
  if (event === undefined) throw new Error('no event');
  return dealAfter(event);
}

describe('a fact of a deal', () => {
  it('is recorded together with the whole deal after it', () => {
    const deal = dealOf('crm', 'D-1', [recorded(paid()), recorded(booked())]);
    expect(deal).toMatchObject({ terms: terms(), payments: [{ id: 'PAY-1' }] });
    expect(deciding(booked(), given(paid()))).toEqual([
      {
        type: 'DealFactRecorded',
        version: 1,
        occurredAt: '2026-03-05T10:00:00.000Z',
        data: { ...recorded(booked()), deal },
      },
    ]);
  });

  it('is recorded alone where it is the first, as the deal follows from it', () => {
    const [event] = deciding(booked(), given());
    expect(event?.data).toEqual(recorded(booked()));
    expect(after(event)).toEqual({
      source: 'crm',
      id: 'D-1',
      terms: terms(),
      bookedAt: '2026-03-05T10:00:00.000Z',
      invoices: [],
      payments: [],
      soldThrough: [],
      returns: [],
    });
  });

  it('adds nothing when it comes again', () => {
    expect(deciding(booked(), given(booked()))).toEqual([]);
  });

  it('adds nothing when it comes again in another form', () => {
    const again = booked({
      occurredAt: '2026-03-05T11:00:00+01:00',
      terms: terms({ lines: [{ net: '100', id: '1', category: 'hardware' }] }),
    });
    expect(deciding(again, given(booked()))).toEqual([]);
  });

  it('is refused with other content, naming the fields that differ', () => {
    const other = booked({ terms: terms({ lines: [{ id: '1', category: 'hardware', net: '99.00' }] }) });
    const refusal = thrownBy(() => deciding(other, given(booked())));
    expect(refusal).toMatchObject({
      code: 'FactConflict',
      kind: 'conflict',
      fields: [{ field: 'terms.lines.0.net', reason: 'is recorded as "100.00", not as "99.00"' }],
    });
  });

  it('is refused when its deal has as many facts as a deal may have', () => {
    const payments = Array.from({ length: FACTS_MAX }, (_, index) => paid({ id: `${index}` }));
    const state: DealState = new Map(payments.map((fact, index) => [`paid:${index}`, recorded(fact)]));
    expect(thrownBy(() => deciding(booked(), state))).toMatchObject({ code: 'DealTooLarge', kind: 'invalid' });
    expect(deciding(paid({ id: '7' }), state)).toEqual([]);
  });

  it('is decided again from its event to the same bytes', () => {
    const state = given(booked());
    const [event] = deciding(amended(), state);
    if (event === undefined) throw new Error('no event');
    expect(JSON.stringify(dealDecider.decide(dealDecider.commandOf(event), state))).toBe(JSON.stringify([event]));
  });
});

describe('a deal', () => {
  it('has only its returns while nothing else has arrived', () => {
    const [event] = deciding(returned({ lines: [{ line: '1', net: '30' }] }), given());
    expect(after(event)).toEqual({
      source: 'crm',
      id: 'D-1',
      invoices: [],
      payments: [],
      soldThrough: [],
      returns: [{ id: 'R-1', at: '2026-03-20T10:00:00.000Z', lines: [{ line: '1', net: '30' }] }],
    });
  });

  it('gives amounts that arrived before the currency its decimals', () => {
    const [event] = deciding(booked(), given(returned({ lines: [{ line: '1', net: '30' }] }), paid()));
    expect(after(event).returns[0]?.lines).toEqual([{ line: '1', net: '30.00' }]);
    expect(after(event).payments).toEqual([{ id: 'PAY-1', at: '2026-03-25T10:00:00.000Z', amount: '40.00' }]);
  });

  it('leaves a payment with more decimals than its currency as it was sent', () => {
    const [event] = deciding(booked(), given(paid({ amount: '40.125' })));
    expect(after(event).payments[0]?.amount).toBe('40.125');
  });

  const termsAfter = (...facts: DealFact[]): string | undefined =>
    dealOf('crm', 'D-1', facts.map(recorded)).terms?.lines[0]?.net;
  const amendedTo = (net: string, changes: Partial<Extract<DealFact, { kind: 'amended' }>> = {}): DealFact =>
    amended({ terms: terms({ lines: [{ id: '1', net }] }), ...changes });

  it('has the terms of its highest source revision, whenever that arrived', () => {
    const older = amendedTo('3', { revision: 2, occurredAt: '2026-04-01T00:00:00Z' });
    const newer = amendedTo('4', { revision: 3, occurredAt: '2026-03-31T00:00:00Z' });
    expect(termsAfter(newer, booked(), older)).toBe('4.00');
  });

  it('has the terms of its latest amendment when none has a revision', () => {
    const older = amendedTo('9', { occurredAt: '2026-04-01T00:00:00Z' });
    const newer = amendedTo('2', { occurredAt: '2026-04-02T00:00:00Z' });
    expect(termsAfter(newer, older, booked())).toBe('2.00');
  });

  it('has the terms of the amendment with the highest hash when two have the same time', () => {
    const facts = [amendedTo('9'), amendedTo('2')];
    expect(termsAfter(...facts)).toBe(termsAfter(...facts.toReversed()));
    expect(termsAfter(...facts)).toBe('9.00');
  });

  it('keeps changes apart from its terms: each applies from its own date, unless a stronger one precedes it', () => {
    const changed = (net: string, revision: number, occurredAt: string): DealFact =>
      amendedTo(net, { as: 'change', revision, occurredAt });
    const facts = [
      booked(),
      amendedTo('110', { revision: 1, occurredAt: '2026-03-06T00:00:00Z' }),
      changed('100', 0, '2026-03-07T00:00:00Z'),
      changed('130', 2, '2026-03-20T00:00:00Z'),
      changed('140', 3, '2026-03-15T00:00:00Z'),
      changed('150', 4, '2026-04-01T00:00:00Z'),
    ];
    for (const order of [facts, facts.toReversed()]) {
      const deal = dealOf('crm', 'D-1', order.map(recorded));
      expect(deal.terms?.lines[0]?.net).toBe('110.00');
      expect(deal.changes?.map(({ id, lines }) => [id, lines[0]?.net])).toEqual([
        ['3', '140.00'],
        ['4', '150.00'],
      ]);
    }
  });

  it('prefers amended terms to booked, registered and invoiced ones', () => {
    const registered: DealFact = { ...booked(), kind: 'registered', terms: terms({ lines: [{ id: '1', net: '1' }] }) };
    const invoiced: DealFact = {
      source: 'crm',
      deal: 'D-1',
      kind: 'invoiced',
      id: 'I-1',
      occurredAt: '2026-05-01T00:00:00Z',
      terms: terms({ lines: [{ id: '1', net: '7' }] }),
    };
    expect(termsAfter(invoiced)).toBe('7.00');
    expect(termsAfter(invoiced, registered)).toBe('1.00');
    expect(termsAfter(invoiced, registered, booked())).toBe('100.00');
    expect(termsAfter(amendedTo('5', { occurredAt: '2026-01-01T00:00:00Z' }), invoiced, registered, booked())).toBe(
      '5.00',
    );
  });

  it('is the same for every order of its facts, with repetitions', () => {
    const facts: DealFact[] = [
      booked(),
      amendedTo('150', { revision: 1 }),
      amendedTo('140', { occurredAt: '2026-06-01T00:00:00Z' }),
      amendedTo('141', { occurredAt: '2026-06-01T00:00:00Z' }),
      returned(),
      returned({ id: 'R-2', lines: [{ line: '1', net: '5' }] }),
      paid(),
      paid({ id: 'PAY-2', amount: '60' }),
      { source: 'crm', deal: 'D-1', kind: 'cancelled', occurredAt: '2026-07-01T00:00:00Z' },
      { source: 'crm', deal: 'D-1', kind: 'sold-through', id: 'S-1', occurredAt: '2026-04-01T00:00:00Z' },
      { source: 'crm', deal: 'D-1', kind: 'invoiced', id: 'I-1', occurredAt: '2026-04-01T00:00:00Z' },
    ];
    const whole = JSON.stringify(dealOf('crm', 'D-1', facts.map(recorded)));
    fc.assert(
      fc.property(fc.shuffledSubarray([...facts, ...facts], { minLength: 2 * facts.length }), (order) => {
        let state = dealDecider.initialState();
        let last: DealFactRecorded | undefined;
        for (const fact of order)
          for (const event of dealDecider.decide(recorded(fact), state)) {
            state = dealDecider.evolve(state, event);
            last = event;
          }
        expect(JSON.stringify(after(last))).toBe(whole);
      }),
      { numRuns: 200 },
    );
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('registrations', () => {
  const dealAfter = (...facts: DealFact[]) => dealOf('crm', 'D-1', facts.map(recorded));

  it('are listed by the days on which they are in force, in any order of arrival', () => {
    const facts = [
      registration({ id: 'REG-2', holder: 'P-2', status: 'rejected' }),
      registration({ status: 'pending', revision: 1, occurredAt: '2026-02-01T23:59:00.000-01:00' }),
      registration({ from: '2026-02-20', until: '2026-05-20', revision: 2 }),
      registration({ status: 'expired', revision: 3, from: '2026-05-20' }),
    ];
    const inForce = [
      { id: 'REG-1', status: 'pending', holder: 'P-1', from: '2026-02-02', until: '2026-02-20' },
      { id: 'REG-1', status: 'approved', holder: 'P-1', from: '2026-02-20', until: '2026-05-20' },
      { id: 'REG-1', status: 'expired', holder: 'P-1', from: '2026-05-20' },
      { id: 'REG-2', status: 'rejected', holder: 'P-2', from: '2026-02-20' },
    ];
    expect(dealAfter(...facts).registrations).toEqual(inForce);
    expect(dealAfter(...facts.toReversed()).registrations).toEqual(inForce);
  });

  it('without a revision give way to later ones, and to all that have a revision', () => {
    const life = [
      registration({ status: 'pending', occurredAt: '2026-01-05T10:00:00.000Z' }),
      registration({ occurredAt: '2026-01-10T10:00:00.000Z' }),
      registration({ status: 'expired', occurredAt: '2026-04-10T10:00:00.000Z' }),
    ];
    const statuses = (...more: DealFact[]) =>
      dealAfter(...life, ...more).registrations?.map(({ status, from, until }) => `${status} ${from} ${until ?? ''}`);
    expect(statuses()).toEqual([
      'pending 2026-01-05 2026-01-10',
      'approved 2026-01-10 2026-04-10',
      'expired 2026-04-10 ',
    ]);
    // Backdated: it applies from the 7th, and joins the span with the same status.
    expect(statuses(registration({ revision: 1, from: '2026-01-07', until: '2026-01-20' }))).toEqual([
      'pending 2026-01-05 2026-01-07',
      'approved 2026-01-07 2026-04-10',
      'expired 2026-04-10 ',
    ]);
  });

  it('have on every day the status of the highest revision, then of the latest claim, in any order of arrival', () => {
    const days = Array.from({ length: 14 }, (_, index) => `2026-03-${String(index + 10)}`);
    const claim = fc
      .record({
        id: fc.constantFrom('REG-1', 'REG-2'),
        status: fc.constantFrom('pending', 'approved', 'rejected'),
        from: fc.nat({ max: 9 }),
        length: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        revision: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
        hour: fc.integer({ min: 10, max: 12 }),
      })
      .map(({ from, length, revision, hour, ...one }) =>
        registration({
          ...one,
          occurredAt: `2026-03-05T${hour}:00:00.000Z`,
          from: days[from] ?? '',
          ...(length === undefined ? {} : { until: days[from + length] ?? '' }),
          ...(revision === undefined ? {} : { revision }),
        }),
      );
    const sets = fc.array(claim, { maxLength: 8 });
    fc.assert(
      fc.property(
        sets.chain((set) => fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length }))),
        ([set, shuffled]) => {
          const { registrations = [] } = dealAfter(...set);
          expect(dealAfter(...shuffled).registrations ?? []).toEqual(registrations);
          const facts = set
            .map(recorded)
            .flatMap(({ fact, hash }) =>
              fact.kind === 'registration' && !('withdrawn' in fact) ? [{ fact, hash }] : [],
            );
          const asked = ['REG-1', 'REG-2'].flatMap((id) => days.map((day) => ({ id, day })));
          const covers = (one: { id: string; from?: string; until?: string }, { id, day }: (typeof asked)[number]) =>
            one.id === id && (one.from ?? '') <= day && (one.until === undefined || day < one.until);
          const listed = asked.map((one) =>
            registrations.filter((span) => covers(span, one)).map(({ status }) => status),
          );
          const strongest = asked.map((one) =>
            facts
              .filter(({ fact }) => covers(fact, one))
              .sort(
                (left, right) =>
                  (right.fact.revision ?? -1) - (left.fact.revision ?? -1) ||
                  compareText(right.fact.occurredAt, left.fact.occurredAt) ||
                  compareText(right.hash, left.hash),
              )
              .slice(0, 1)
              .map(({ fact }) => fact.status),
          );
          expect(listed).toEqual(strongest);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('may arrive before their deal, and are absent from a deal that has none', () => {
    expect(dealAfter(registration())).toMatchObject({ registrations: [{ status: 'approved' }] });
    expect(dealAfter(registration()).terms).toBeUndefined();
    expect(dealAfter(booked())).not.toHaveProperty('registrations');
  });

  it('with the same revision and other content are refused, with another revision accepted', () => {
    const state = given(registration({ revision: 1 }));
    expect(deciding(registration({ revision: 1 }), state)).toEqual([]);
    const refusal = thrownBy(() => deciding(registration({ revision: 1, status: 'rejected' }), state));
    expect(refusal).toMatchObject({ code: 'FactConflict', fields: [{ field: 'status' }] });
    expect(deciding(registration({ revision: 2, status: 'rejected' }), state)).toHaveLength(1);
  });
});

describe('a withdrawn fact', () => {
  const dealAfter = (...facts: DealFact[]) => dealOf('crm', 'D-1', facts.map(recorded));
  const cancelled: DealFact = { source: 'crm', deal: 'D-1', kind: 'cancelled', occurredAt: '2026-07-01T00:00:00Z' };
  const soldThrough: DealFact = { ...cancelled, kind: 'sold-through', id: 'S-1' };
  const invoiced: DealFact = { ...cancelled, kind: 'invoiced', id: 'I-1', lines: [{ id: '1', net: '40' }] };
  const registered: DealFact = { ...cancelled, kind: 'registered', terms: terms() };

  it('leaves a deal without facts as one that never existed', () => {
    const mistyped = returned();
    const deal = dealAfter(mistyped, withdrawn(mistyped));
    expect(deal).toEqual({ source: 'crm', id: 'D-1', invoices: [], payments: [], soldThrough: [], returns: [] });
    expect(stageOf(deal)).toBe('withdrawn');
    expect(stageOf(dealAfter(mistyped))).toBe('incomplete');
  });

  it('counts again with a higher revision', () => {
    const again = paid({ amount: '45', revision: 3 });
    expect(dealAfter(booked(), paid(), withdrawn(paid(), { revision: 2 })).payments).toEqual([]);
    expect(dealAfter(booked(), paid(), withdrawn(paid(), { revision: 2 }), again).payments).toHaveLength(1);
    expect(dealAfter(booked(), again, withdrawn(paid(), { revision: 2 })).payments[0]?.amount).toBe('45.00');
    expect(dealAfter(booked(), again, withdrawn(paid(), { revision: 3 })).payments).toEqual([]);
  });

  it('leaves earlier revisions of an amendment in force', () => {
    const [first, second] = [1, 2].map((revision) =>
      amended({ revision, terms: terms({ lines: [{ id: '1', net: `${revision}` }] }) }),
    );
    if (first === undefined || second === undefined) throw new Error('two amendments');
    expect(dealAfter(booked(), first, second, withdrawn(second)).terms?.lines[0]?.net).toBe('1.00');
  });

  it('that is withdrawn alone leaves the revision below in force', () => {
    const [first, second] = [returned(), returned({ revision: 2, lines: [{ line: '1', net: '9' }] })];
    const alone = { ...withdrawn(second), withdrawn: 'revision' } as const;
    for (const facts of [
      [booked(), first, second, alone],
      [alone, second, booked(), first],
    ])
      expect(dealAfter(...facts)).toEqual(dealAfter(booked(), first));
    expect(dealAfter(booked(), second, alone).returns).toEqual([]);
    // Also the revision below is withdrawn where all up to this one are.
    expect(dealAfter(booked(), first, second, alone, withdrawn(second)).returns).toEqual([]);
  });

  it('can be withdrawn from a deal that has as many facts as a deal may have', () => {
    const payments = Array.from({ length: FACTS_MAX }, (_, index) => paid({ id: `${index}` }));
    const state: DealState = new Map(payments.map((fact, index) => [`paid:${index}`, recorded(fact)]));
    expect(deciding(withdrawn(paid({ id: '7' })), state)).toHaveLength(1);
    expect(thrownBy(() => deciding(withdrawn(paid({ id: 'X' })), state))).toMatchObject({ code: 'DealTooLarge' });
  });

  it('is withdrawn once, whenever the withdrawal is sent again', () => {
    const state = given(paid(), withdrawn(paid()));
    expect(deciding(withdrawn(paid({ occurredAt: '2026-03-26T00:00:00Z' })), state)).toEqual([]);
  });

  it('leaves the deal as if it had never been sent, in any order of arrival', () => {
    const revisions = fc.option(fc.nat({ max: 2 }), { nil: undefined });
    const fact = fc
      .tuple(
        fc.constantFrom<DealFact>(
          booked(),
          registered,
          cancelled,
          soldThrough,
          invoiced,
          amended(),
          amended({ as: 'change', occurredAt: '2026-03-12T00:00:00Z' }),
          returned(),
          returned({ id: 'R-2', lines: [{ line: '1', net: '5' }] }),
          paid(),
          paid({ id: 'PAY-2', amount: '60' }),
          registration(),
          registration({ id: 'REG-2', status: 'rejected' }),
        ),
        revisions,
      )
      .map(([one, revision]): DealFact => (revision === undefined ? one : { ...one, revision }));
    const sets = fc.uniqueArray(fc.record({ fact, isWithdrawn: fc.boolean() }), {
      selector: ({ fact: one }) => factKeyOf(recorded(one).fact),
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        sets.chain((set) => {
          const all = set.flatMap(({ fact: one, isWithdrawn }) => (isWithdrawn ? [one, withdrawn(one)] : [one]));
          return fc.tuple(fc.constant(set), fc.shuffledSubarray(all, { minLength: all.length }));
        }),
        ([set, arrived]) => {
          const isGone = ({ fact: one, isWithdrawn }: (typeof set)[number]): boolean =>
            isWithdrawn || (!KINDS_OF_MANY_REVISIONS.has(one.kind) && set.some((other) => isWithdrawnBy(one, other)));
          const kept = set.filter((one) => !isGone(one)).map(({ fact: one }) => one);
          expect(dealOf('crm', 'D-1', given(...arrived).values())).toEqual(dealAfter(...kept));
        },
      ),
      { numRuns: 1000 },
    );
  });

  const KINDS_OF_MANY_REVISIONS = new Set<string>(['amended', 'registration']);

  function isWithdrawnBy(fact: DealFact, other: { readonly fact: DealFact; readonly isWithdrawn: boolean }): boolean {
    const idIn = (one: DealFact): string | undefined => ('id' in one ? one.id : undefined);
    const isSameFact = other.fact.kind === fact.kind && idIn(other.fact) === idIn(fact);
    return other.isWithdrawn && isSameFact && (other.fact.revision ?? -1) >= (fact.revision ?? -1);
  }
});
