import { beforeEach, describe, expect, it } from '@jest/globals';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { earningDecider, postingOf } from './earning.js';
import { EARN_ENGINES } from './earn-engines.js';
import type { EarningCommand } from './earning.js';
import { dealPostings } from './earning-events.js';
import { ledgerLine } from './posting.js';
import { AT, dealOf, partnerOf, PLAN, World } from '../testing/world.fixture.js';

const CONSTANTS = { currency: 'EUR', calendar: 'monthly@Europe/Paris' };

let world: World;
beforeEach(() => {
  world = new World();
  world.apply({ kind: 'plan', text: PLAN, effectiveFrom: '2026-01-01' });
  world.apply({ kind: 'partner', partner: partnerOf('anna'), revision: 0 });
});

function given(id: string, net: string, bookedAt = '2026-01-10T10:00:00Z', revision = 0): void {
  world.apply({ kind: 'deal', deal: dealOf(id, { net, bookedAt }), revision });
  world.earnAll();
}

const anna = () => {
  const stream = world.earnings.get('earning-anna|resellers');
  if (stream === undefined) throw new Error('anna has no earning stream');
  return stream;
};

function expectDefined<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('expected an event');
  return value;
}

describe('a credit', () => {
  it('records its input and what each line earns in one event', () => {
    given('D-1', '1200.00');
    expect(anna().events).toEqual([
      {
        type: 'Earned',
        version: 1,
        occurredAt: AT,
        data: {
          ...CONSTANTS,
          input: expect.objectContaining({ deal: 'crm|D-1', number: 1 }),
          amounts: [['52.00']],
          engine: EARN_ENGINES.newest,
        },
      },
    ]);
    // The postings follow from what the lines earn.
    expect(anna().events.map((event) => dealPostings(event))).toEqual([
      [
        {
          deal: 'crm|D-1',
          lines: [
            {
              period: '2026-01',
              origin: '2026-01',
              component: 'hardware',
              line: 'booked|1',
              kind: 'earning',
              basis: '1200.00',
              amount: '52.00',
            },
          ],
        },
      ],
    ]);
  });

  it('records postings that do not follow from what the lines earn', () => {
    given('D-1', '100.00');
    world.close('2026-01');
    given('D-1', '250.00', undefined, 1);
    expect(anna().events.at(-1)?.data.deals).toMatchObject([
      { deal: 'crm|D-1', lines: [{ period: '2026-01' }, { period: '2026-02', origin: '2026-01' }] },
    ]);
  });

  it('that changes no posting publishes nothing', () => {
    given('D-1', '100.00');
    const [first] = anna().events;
    const [again] = anna().handle({
      ...earningDecider(world).commandOf(expectDefined(first)),
      number: 2,
    } as EarningCommand);
    expect(again?.data).toMatchObject({ unchanged: true });
    expect(dealPostings(expectDefined(again))).toEqual([]);
  });

  it('that arrives late changes the deals after it, where a tier boundary lies between', () => {
    given('D-2', '900.00', '2026-01-20T10:00:00Z');
    given('D-3', '50.00', '2026-01-25T10:00:00Z');
    given('D-1', '100.00', '2026-01-05T10:00:00Z');
    const [last] = anna().events.slice(-1);
    // D-2 lies wholly below 1,000 as before; D-3 is above it now.
    expect(
      dealPostings(expectDefined(last)).map(({ deal, lines }) => [deal, lines.map(({ amount }) => amount)]),
    ).toEqual([
      ['crm|D-1', ['4.00']],
      ['crm|D-3', ['3.00']],
    ]);
  });

  it('of a number that was received before, or of a lower one, adds nothing', () => {
    given('D-1', '100.00');
    given('D-1', '200.00', undefined, 1);
    const [first, second] = anna().events.map((event) => earningDecider(world).commandOf(event));
    for (const command of [first, second]) if (command !== undefined) expect(anna().handle(command)).toEqual([]);
  });

  it('that no plan can have produced is refused', () => {
    given('D-1', '100.00');
    const group = {
      component: 'none',
      planVersion: world.plans.get('resellers')?.state.published[0]?.plan.version ?? '',
      occurrence: 'booked',
      at: AT,
      period: '2026-01',
      window: '2026-01',
      lines: [['1', '1.00'] as const],
    };
    const command: EarningCommand = {
      type: 'credit',
      ...CONSTANTS,
      deal: 'crm|D-2',
      number: 1,
      groups: [group],
      openFrom: null,
      at: AT,
    };
    expect(() => anna().handle(command)).toThrow(DomainError);
  });
});

describe('a period that is closed', () => {
  it('lists its lines with count and hash, and closes only once', () => {
    given('D-1', '100.00');
    world.close('2026-01');
    const planVersion = world.newestVersion('resellers');
    const posted = postingOf(anna().state, 'crm|D-1').map((line) => ledgerLine('resellers', 'crm|D-1', line));
    expect(anna().events.at(-1)).toEqual({
      type: 'EarningPeriodClosed',
      version: 1,
      occurredAt: AT,
      data: {
        ...CONSTANTS,
        period: '2026-01',
        planVersion,
        entry: {
          stream: 'earning-anna|resellers',
          payee: 'anna',
          currency: 'EUR',
          lines: 1,
          minimum: '0.00',
          hash: ledgerLinesHash(posted),
        },
        engine: 1,
      },
    });
    expect(
      anna().handle({
        type: 'close-period',
        payee: 'anna',
        plan: 'resellers',
        period: '2026-01',
        planVersion,
        minimum: '0.00',
        at: AT,
      }),
    ).toEqual([]);
  });

  it('keeps its lines: the difference is posted in the first open period, as an adjustment', () => {
    given('D-1', '100.00');
    world.close('2026-01');
    given('D-1', '250.00', undefined, 1);
    given('D-2', '10.00');
    expect(world.ledger()).toEqual([
      'anna|resellers 2026-01 2026-01 hardware crm|D-1 booked|1 earning 100.00 → 4.00',
      'anna|resellers 2026-02 2026-01 hardware crm|D-1 booked|1 adjustment 150.00 → 6.00',
      'anna|resellers 2026-02 2026-01 hardware crm|D-2 booked|1 adjustment 10.00 → 0.40',
    ]);
    // Back to the first amount: the adjustments net to zero and disappear.
    given('D-1', '100.00', undefined, 2);
    expect(world.ledger()).toHaveLength(2);
  });

  it('takes no more postings, also from a batch that read the calendar before the closing', () => {
    given('D-1', '100.00');
    given('D-2', '10.00');
    const [, second] = anna().events.map((event) => earningDecider(world).commandOf(event));
    world.close('2026-01');
    if (second?.type !== 'credit') throw new Error('expected a credit');
    for (const openFrom of [null, '2026-01'])
      anna().handle({
        ...second,
        number: second.number + (openFrom === null ? 1 : 2),
        deal: `crm|L-${openFrom}`,
        openFrom,
      });
    const late = world.ledger().filter((line) => line.includes('crm|L-'));
    expect(late.map((line) => line.split(' ')[1])).toEqual(['2026-02', '2026-02']);
  });

  it('reverses the earnings of a deal that moved to another period, and posts them there', () => {
    given('D-1', '100.00');
    world.close('2026-01');
    given('D-1', '100.00', '2026-03-10T10:00:00Z', 1);
    expect(world.ledger()).toEqual([
      'anna|resellers 2026-01 2026-01 hardware crm|D-1 booked|1 earning 100.00 → 4.00',
      'anna|resellers 2026-02 2026-01 hardware crm|D-1 booked|1 adjustment -100.00 → -4.00',
      'anna|resellers 2026-03 2026-03 hardware crm|D-1 booked|1 earning 100.00 → 4.00',
    ]);
  });

  it('posts a return as a clawback, whatever the period', () => {
    given('D-1', '100.00');
    world.close('2026-01');
    const returns = [{ id: 'R1', at: '2026-01-20T10:00:00Z' }];
    world.apply({ kind: 'deal', deal: dealOf('D-1', { returns }), revision: 1 });
    world.earnAll();
    expect(world.ledger()).toEqual([
      'anna|resellers 2026-01 2026-01 hardware crm|D-1 booked|1 earning 100.00 → 4.00',
      'anna|resellers 2026-02 2026-01 hardware crm|D-1 return:R1|1 clawback -100.00 → -4.00',
    ]);
  });

  it('takes in lines of earlier periods that were never closed', () => {
    given('D-1', '100.00');
    given('D-2', '100.00', '2026-02-10T10:00:00Z');
    world.close('2026-02');
    expect(world.ledger()).toEqual([
      'anna|resellers 2026-02 2026-01 hardware crm|D-1 booked|1 adjustment 100.00 → 4.00',
      'anna|resellers 2026-02 2026-02 hardware crm|D-2 booked|1 earning 100.00 → 4.00',
    ]);
    expect(world.emittedLedger()).toEqual(world.ledger());
    expect(anna().events.at(-1)?.data).toMatchObject({ entry: { lines: 2 }, deals: [{ deal: 'crm|D-1' }] });
    anna().reload();
    expect(world.ledger()).toHaveLength(2);
  });
});

describe('a deal in another currency than its plan', () => {
  const rate = (text: string, revision = 0): void => {
    const exchangeRate = { base: 'EUR', quote: 'USD', date: '2026-01-09', rate: text, source: 'ecb', revision };
    world.apply({ kind: 'exchange-rate', exchangeRate });
    world.earnAll();
  };
  const sell = (shape: Parameters<typeof dealOf>[1] = {}, revision = 0): void => {
    world.apply({ kind: 'deal', deal: dealOf('D-1', { currency: 'USD', net: '1000.00', ...shape }), revision });
    world.earnAll();
  };
  const posted = () =>
    postingOf(anna().state, 'crm|D-1').map(({ period, kind, amount, exchanged }) => [period, kind, amount, exchanged]);

  it('states its earnings in the deal’s currency, at the rate that converted the deal', () => {
    rate('1.25');
    sell();
    // USD 1,000 are EUR 800; 4 % of it.
    expect(posted()).toEqual([['2026-01', 'earning', '32.00', [{ amount: '40.00', currency: 'USD', of: '32.00' }]]]);
    world.close('2026-01');
    const [line] = postingOf(anna().state, 'crm|D-1').map((one) => ledgerLine('resellers', 'crm|D-1', one));
    expect(anna().events.at(-1)?.data).toMatchObject({
      entry: { hash: ledgerLinesHash(line === undefined ? [] : [line]) },
    });
  });

  it('states the same for a return', () => {
    rate('1.25');
    sell({ returns: [{ id: 'R1', at: '2026-02-20T10:00:00Z' }] });
    expect(posted()).toEqual([
      ['2026-01', 'earning', '32.00', [{ amount: '40.00', currency: 'USD', of: '32.00' }]],
      ['2026-02', 'clawback', '-32.00', [{ amount: '-40.00', currency: 'USD', of: '-32.00' }]],
    ]);
  });

  it('changes its earnings after a corrected rate, but not their amount in the deal’s currency', () => {
    rate('1.25');
    sell();
    world.close('2026-01');
    rate('1.60', 1);
    // USD 1,000 are EUR 625 now.
    expect(posted()).toEqual([
      ['2026-01', 'earning', '32.00', [{ amount: '40.00', currency: 'USD', of: '32.00' }]],
      ['2026-02', 'adjustment', '-7.00', [{ amount: '0.00', currency: 'USD', of: '-7.00' }]],
    ]);
  });

  it('moves its amount to another currency with an amended deal', () => {
    rate('1.25');
    sell();
    world.close('2026-01');
    sell({ currency: 'EUR', net: '900.00' }, 1);
    expect(posted()).toEqual([
      ['2026-01', 'earning', '32.00', [{ amount: '40.00', currency: 'USD', of: '32.00' }]],
      ['2026-02', 'adjustment', '4.00', [{ amount: '-40.00', currency: 'USD', of: '-32.00' }]],
    ]);
  });

  it('states the same for reserves', () => {
    const held = PLAN.replace(
      '    rate: { percent: 2.9 % }',
      '    rate: { percent: 10 % }\n    hold: { part: 25 %, for: 40 days, after: trigger }',
    );
    world = new World();
    world.apply({ kind: 'plan', text: held, effectiveFrom: '2026-01-01' });
    world.apply({ kind: 'partner', partner: partnerOf('anna'), revision: 0 });
    rate('1.25');
    sell({ lines: [{ id: '1', category: 'service', net: '1000.00' }] });
    expect(posted()).toEqual([
      ['2026-01', 'earning', '80.00', [{ amount: '100.00', currency: 'USD', of: '80.00' }]],
      ['2026-01', 'reserve', '-20.00', [{ amount: '-25.00', currency: 'USD', of: '-20.00' }]],
      ['2026-02', 'reserve-release', '20.00', [{ amount: '25.00', currency: 'USD', of: '20.00' }]],
    ]);
  });

  it('states nothing where deal and plan have the same currency', () => {
    given('D-1', '100.00');
    expect(postingOf(anna().state, 'crm|D-1')[0]).not.toHaveProperty('exchanged');
  });
});
