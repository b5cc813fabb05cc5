import { afterEach, describe, expect, it } from '@jest/globals';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import { dealOf, partnerOf, PLAN, Service } from '../testing/service.fixture.js';
import type { ServiceInput } from '../testing/service.fixture.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

const SELLERS = 40;

/** Many sellers below one upline, each with a deal per month. */
function inputs(): readonly ServiceInput[] {
  const sellers = Array.from({ length: SELLERS }, (_, index) => `seller-${index}`);
  return [
    { kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' },
    { kind: 'partner', partner: partnerOf('top'), revision: 0 },
    ...sellers.map((id): ServiceInput => ({ kind: 'partner', partner: partnerOf(id, { upline: 'top' }), revision: 0 })),
    ...['01', '02', '03'].flatMap((month) =>
      sellers.map((seller, index): ServiceInput => ({
        kind: 'deal',
        revision: 0,
        deal: dealOf(`D-${month}-${index}`, {
          seller,
          bookedAt: `2026-${month}-10T10:00:00Z`,
          net: [`${100 + index}.10`, `${index}.25`],
        }),
      })),
    ),
  ];
}

/** Compares the published lines of each period and stream with the manifest, as payouts does. */
async function expectManifestsToHold(service: Service): Promise<void> {
  const { earnings, manifests } = await service.published();
  const entries = new Map<string, { lines: number; hash: string }>();
  for (const { period, entries: ofPage } of manifests)
    for (const { stream, lines, hash } of ofPage) entries.set(`${period} ${stream}`, { lines, hash });
  const closed = new Set(manifests.map(({ period }) => period));
  const held = new Map<string, { lines: number; hash: string }>();
  const streams = new Map<string, (typeof earnings extends Map<string, infer One> ? One : never)[]>();
  for (const [name, one] of earnings) {
    const stream = name.slice(0, name.indexOf(' '));
    streams.set(stream, [...(streams.get(stream) ?? []), one]);
  }
  for (const [stream, deals] of streams)
    for (const period of closed) {
      const lines = deals.flatMap((one) => one.lines.filter((line) => line.period === period));
      if (lines.length > 0) held.set(`${period} ${stream}`, { lines: lines.length, hash: ledgerLinesHash(lines) });
    }
  expect(new Map([...entries].sort())).toEqual(new Map([...held].sort()));
}

describe('a closing that is interrupted', () => {
  it('continues after a restart at any stage, and loses nothing', async () => {
    let service = await Service.start();
    await service.send(inputs());
    for (const [period, pauseMs] of [
      ['2026-01', 0],
      ['2026-02', 15],
      ['2026-03', 40],
    ] as const) {
      expect(await service.beginClosing(period)).toMatchObject({ status: 200, body: { state: 'done' } });
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await service.stop();
      service = await Service.start(service.directory);
      await service.closed(period);
    }
    services.push(service);
    await service.idle();
    const { manifests } = await service.published();
    expect(manifests.map(({ period, entries }) => [period, entries.length]).sort()).toEqual([
      ['2026-01', SELLERS + 1],
      ['2026-02', SELLERS + 1],
      ['2026-03', SELLERS + 1],
    ]);
    await expectManifestsToHold(service);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});

describe('deals that arrive while a period is being closed', () => {
  it('are in that period or in the next one, and none is lost', async () => {
    const service = await Service.start();
    services.push(service);
    const all = inputs();
    const deals = all.filter(({ kind }) => kind === 'deal');
    await service.send(all.filter(({ kind }) => kind !== 'deal'));
    await service.send(deals.slice(0, 60));
    await service.idle();
    await service.beginClosing('2026-01');
    for (let at = 60; at < deals.length; at += 5) {
      await service.send(deals.slice(at, at + 5));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await service.closed('2026-01');
    // Late for January: new revisions of deals in the closed period.
    await service.send(
      deals
        .slice(0, 10)
        .map((one): ServiceInput =>
          one.kind === 'deal'
            ? { ...one, revision: 1, deal: { ...one.deal, cancelledAt: '2026-01-30T10:00:00Z' } }
            : one,
        ),
    );
    await service.idle();
    await service.close('2026-02');
    await service.close('2026-03');
    await service.idle();
    await expectManifestsToHold(service);
    const ledger = await service.ledger();
    expect(ledger.filter((line) => line.includes('clawback'))).toHaveLength(10 * 4);
    expect(ledger.filter((line) => line.includes('booked'))).toHaveLength(SELLERS * 3 * 4);
    expect(await service.verify()).toMatchObject({ differences: [] });
  });
});
