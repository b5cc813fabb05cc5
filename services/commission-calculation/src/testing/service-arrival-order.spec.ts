import { afterEach, describe, expect, it } from '@jest/globals';
import { addDays } from '@tantieme/time/day';
import { dealOf, partnerOf, PLAN, Service, shuffled } from './service.fixture.js';
import type { ServiceInput } from './service.fixture.js';

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
function history(): readonly ServiceInput[] {
  const partners: ServiceInput[] = [
    { kind: 'partner', partner: partnerOf('top'), revision: 0 },
    { kind: 'partner', partner: partnerOf('middle', { upline: 'top' }), revision: 0 },
    ...SELLERS.flatMap((id): ServiceInput[] => [
      { kind: 'partner', partner: partnerOf(id, { upline: 'top' }), revision: 0 },
      { kind: 'partner', partner: partnerOf(id, { upline: id === 'carl' ? 'top' : 'middle' }), revision: 1 },
    ]),
  ];
  const deals = Array.from({ length: DEALS }, (_, index): ServiceInput[] => {
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
  const plans: ServiceInput[] = [
    { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
    // From February on for monthly measurements; the quarter stays with the version it started with.
    { kind: 'plan', document: PLAN.replace('2.9 %', '3.1 %'), effectiveFrom: '2026-02-01' },
  ];
  return [...plans, ...partners, ...deals.flat()];
}

/** Plan versions keep their order of publication: of two with the same day, the later one counts. */
function inAnotherOrder(inputs: readonly ServiceInput[], seed: number, repeat?: number): readonly ServiceInput[] {
  const plans = inputs.filter(({ kind }) => kind === 'plan');
  let next = 0;
  return shuffled(
    inputs.filter(({ kind }) => kind !== 'plan'),
    seed,
    repeat,
  ).flatMap((one, index) => (index % 40 === 20 && next < plans.length ? [plans[next++] ?? one, one] : [one]));
}

async function ledgerOf(inputs: readonly ServiceInput[], inPieces: boolean): Promise<readonly string[]> {
  const service = await start();
  for (let at = 0; at < inputs.length; at += 25) {
    await service.send(inputs.slice(at, at + 25));
    if (inPieces) await service.idle();
  }
  await service.idle();
  expect(await service.verify()).toMatchObject({ differences: [], differenceCount: 0 });
  return service.ledger();
}

describe('a history', () => {
  it('ends in the same ledger lines, byte for byte, in any order of arrival and with repetitions', async () => {
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

  it('is continued by another process after a stop at any moment', async () => {
    const inputs = inAnotherOrder(history(), 3, 7);
    const expected = await ledgerOf(inputs, true);
    let service = await Service.start();
    for (let at = 0; at < inputs.length; at += 30) {
      await service.send(inputs.slice(at, at + 30));
      // Stop without waiting: the current batch is finished, the rest is not.
      await service.stop();
      service = await Service.start(service.directory);
    }
    services.push(service);
    await service.idle();
    expect(await service.ledger()).toEqual(expected);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});

/** Restores the order of the plans in a reversed list. */
function inOrderOfPlans(): (input: ServiceInput) => ServiceInput {
  const plans = history().filter(({ kind }) => kind === 'plan');
  return (input) => (input.kind === 'plan' ? (plans.shift() ?? input) : input);
}
