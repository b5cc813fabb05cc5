/** Faults that other commission software had, each with a test that this engine does not have it. */
import { describe, expect, it } from '@jest/globals';
import { BOOKED, dealOf, planWith, worldOf } from './world.fixture.js';

const at = (day: number) => `2026-02-${String(day).padStart(2, '0')}T12:00:00Z`;
const percent = (rate: string) => planWith([`{ id: sales, ${BOOKED}, rate: { percent: ${rate} } }`]);
const partial = (id: string, day: number, net: string) => ({ id, at: at(day), lines: [{ line: '1', net }] });

describe('a refund', () => {
  it('reverses the commission of its sale (OCA/commission #55 … #657)', () => {
    const world = worldOf(percent('10 %'));
    world.receive(dealOf('D', { net: '200.00', returns: [{ id: 'R', at: at(1) }] }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '20.00', 'return:R': '-20.00' });
    expect(world.total('P1')).toBe('0.00');
  });

  it('of a negative line gives back what the line took', () => {
    const world = worldOf(percent('10 %'));
    world.receive(dealOf('D', { net: '-200.00', returns: [{ id: 'R', at: at(1) }] }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '-20.00', 'return:R': '20.00' });
  });

  it('of a part takes back that part only (dub)', () => {
    const world = worldOf(percent('10 %'));
    world.receive(dealOf('D', { net: '200.00', returns: [partial('R', 1, '50.00')] }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '20.00', 'return:R': '-5.00' });
  });

  it('in parts takes back the whole to the cent (lago-api #2643: 334.99, not 335.00)', () => {
    const world = worldOf(percent('33.5 %'));
    world.receive(
      dealOf('D', {
        net: '999.97',
        returns: [partial('R1', 1, '333.33'), partial('R2', 2, '333.33'), partial('R3', 3, '333.31')],
      }),
    );
    expect(world.earned('P1', 'D')).toEqual({
      booked: '334.99',
      'return:R1': '-111.67',
      'return:R2': '-111.66',
      'return:R3': '-111.66',
    });
    expect(world.total('P1')).toBe('0.00');
  });

  it('of more than was sold takes back only what was sold', () => {
    const world = worldOf(percent('10 %'));
    world.receive(
      dealOf('D', {
        net: '200.00',
        returns: [partial('R', 1, '150.00'), partial('S', 2, '150.00'), partial('T', 3, '1.00')],
      }),
    );
    expect(world.earned('P1', 'D')).toEqual({ booked: '20.00', 'return:R': '-15.00', 'return:S': '-5.00' });
  });

  it('is not subtracted twice from a gross basis', () => {
    const world = worldOf(
      planWith(['{ id: sales, credit: { trigger: booked, basis: gross }, rate: { percent: 10 % } }']),
    );
    const lines = [{ id: '1', net: '100.00', gross: '120.00' }];
    world.receive(dealOf('D', { lines, returns: [partial('R', 1, '50.00')] }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '12.00', 'return:R': '-6.00' });
  });

  it('before its sale is pending, and counts when the sale arrives', () => {
    const world = worldOf(percent('10 %'));
    const { terms: _terms, bookedAt: _bookedAt, ...early } = dealOf('D', { returns: [{ id: 'R', at: at(1) }] });
    world.receive(early);
    expect(world.pending).toMatchObject([{ code: 'TermsMissing' }]);
    world.receive(dealOf('D', { net: '200.00', returns: [{ id: 'R', at: at(1) }] }));
    expect(world.earned('P1', 'D')).toEqual({ booked: '20.00', 'return:R': '-20.00' });
  });

  it('after the sale was paid still counts', () => {
    const world = worldOf(planWith(['{ id: sales, credit: { trigger: paid }, rate: { percent: 10 % } }']));
    const payments = [{ id: '1', at: at(1), amount: '200.00' }];
    world.receive(dealOf('D', { net: '200.00', payments, returns: [partial('R', 20, '50.00')] }));
    expect(world.earned('P1', 'D')).toEqual({ 'payment:1': '20.00', 'return:R': '-5.00' });
  });
});

describe('the same deal received again', () => {
  it('is not paid again (OCA/agreement #36)', () => {
    const world = worldOf(percent('10 %'));
    const deal = dealOf('D', { net: '200.00', returns: [partial('R', 1, '50.00')] });
    world.receive(deal);
    for (let again = 0; again < 3; again++) expect(world.receive(deal)).toMatchObject([{ changed: false, rated: [] }]);
    expect(world.total('P1')).toBe('15.00');
  });
});

describe('a deal whose currency changes', () => {
  it('is pending while there is no exchange rate', () => {
    const world = worldOf(percent('10 %'));
    world.receive(dealOf('D', { net: '200.00' }));
    world.receive(dealOf('D', { net: '200.00', currency: 'USD' }));
    expect(world.pending).toMatchObject([{ code: 'ExchangeRateMissing' }]);
    expect(world.total('P1')).toBe('0.00');
  });
});
