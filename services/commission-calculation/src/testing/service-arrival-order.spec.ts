import { afterEach, describe, expect, it } from '@jest/globals';
import { addDays } from '@tantieme/time/day';
import { dealOf, partnerOf, PLAN, Service, shuffled } from './service.fixture.js';
import type { Arrival } from './service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

async function start(): Promise<Service> {
  const service = await Service.start();
  services.push(service);
  return service;
}

const SELLERS = ['anna', 'bert', 'carl'];
const DEALS = 90;

/** Partners of changing uplines, two plan versions, deals of three months with amendments and returns. */
function history(): readonly Arrival[] {
  const partners: Arrival[] = [
    { kind: 'partner', partner: partnerOf('top'), revision: 0 },
    { kind: 'partner', partner: partnerOf('middle', { upline: 'top' }), revision: 0 },
    ...SELLERS.flatMap((id): Arrival[] => [
      { kind: 'partner', partner: partnerOf(id, { upline: 'top' }), revision: 0 },
      { kind: 'partner', partner: partnerOf(id, { upline: id === 'carl' ? 'top' : 'middle' }), revision: 1 },
    ]),
  ];
  const deals = Array.from({ length: DEALS }, (_, index): Arrival[] => {
    const hour = String(8 + (index % 10)).padStart(2, '0');
    const at = (days: number): string => `${addDays('2026-01-01', ((index * 37) % 88) + days)}T${hour}:00:00.000Z`;
    const day = at(0);
    const cents = 1_999 + ((index * 7_919) % 40_000);
    const seller = SELLERS[index % 3] ?? 'anna';
    const net = (more: number): [string, string] => [
      ((cents + more) / 100).toFixed(2),
      ((cents % 5_000) / 100).toFixed(2),
    ];
    const id = `D-${index}`;
    const returned =
      index % 7 === 2
        ? [{ id: 'R1', at: at(30), ...(index % 2 === 0 ? {} : { lines: [{ line: '1', net: '5.55' }] }) }]
        : [];
    const revisions = [
      dealOf(id, { seller, bookedAt: day, net: net(0) }),
      ...(index % 5 === 1 ? [dealOf(id, { seller, bookedAt: day, net: net(333) })] : []),
      ...(returned.length > 0
        ? [dealOf(id, { seller, bookedAt: day, net: net(index % 5 === 1 ? 333 : 0), returns: returned })]
        : []),
    ];
    return revisions.map((deal, revision) => ({ kind: 'deal', deal, revision }));
  });
  const plans: Arrival[] = [
    { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
    // In force for what is measured by the month, from February on; the quarter's measurement stays with the version that it began with.
    { kind: 'plan', document: PLAN.replace('2.9 %', '3.1 %'), effectiveFrom: '2026-02-01' },
  ];
  return [...plans, ...partners, ...deals.flat()];
}

/** Versions of a plan keep their order of publication: of two from one day the later one counts. */
function inAnotherOrder(arrivals: readonly Arrival[], seed: number, repeat?: number): readonly Arrival[] {
  const plans = arrivals.filter(({ kind }) => kind === 'plan');
  let next = 0;
  return shuffled(
    arrivals.filter(({ kind }) => kind !== 'plan'),
    seed,
    repeat,
  ).flatMap((one, index) => (index % 40 === 20 && next < plans.length ? [plans[next++] ?? one, one] : [one]));
}

async function ledgerOf(arrivals: readonly Arrival[], inPieces: boolean): Promise<readonly string[]> {
  const service = await start();
  for (let at = 0; at < arrivals.length; at += 25) {
    await service.arrive(arrivals.slice(at, at + 25));
    if (inPieces) await service.settled();
  }
  await service.settled();
  expect(await service.verify()).toMatchObject({ differences: [], differenceCount: 0 });
  return service.ledger();
}

describe('a history', () => {
  it('gives the same ledger lines in any order of arrival and with repetitions, byte for byte', async () => {
    const expected = await ledgerOf(history(), false);
    expect(expected.length).toBeGreaterThan(DEALS * 4);
    expect(expected.some((line) => line.includes('clawback'))).toBe(true);
    expect(await ledgerOf(inAnotherOrder(history(), 1), true)).toEqual(expected);
    expect(await ledgerOf(inAnotherOrder(history(), 2, 5), false)).toEqual(expected);
    expect(
      await ledgerOf(
        history()
          .toReversed()
          .toSorted((left, right) => Number(left.kind === 'plan') - Number(right.kind === 'plan'))
          .map(inOrderOfPlans()),
        true,
      ),
    ).toEqual(expected);
  });

  it('is continued by another process where the first one stopped, at any moment', async () => {
    const arrivals = inAnotherOrder(history(), 3, 7);
    const expected = await ledgerOf(arrivals, true);
    let service = await Service.start();
    for (let at = 0; at < arrivals.length; at += 30) {
      await service.arrive(arrivals.slice(at, at + 30));
      // Nobody waits: what is in hand is finished, the rest is left lying.
      await service.stop();
      service = await Service.start(service.directory);
    }
    services.push(service);
    await service.settled();
    expect(await service.ledger()).toEqual(expected);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});

/** Gives the plans of a reversed list their order back. */
function inOrderOfPlans(): (arrival: Arrival) => Arrival {
  const plans = history().filter(({ kind }) => kind === 'plan');
  return (arrival) => (arrival.kind === 'plan' ? (plans.shift() ?? arrival) : arrival);
}
