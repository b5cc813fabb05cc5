/** Servers for whole-system specs, and a small history for them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyLog } from '@tantieme/audit/verify';
import type { Verification } from '@tantieme/audit/verify';
import type { DealFact } from '@tantieme/contracts/deal';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import { Driver } from '../driver.js';
import { replayables } from '../replayables.js';
import { CALENDAR, partner, PROGRAMME } from '../simulation/scenario.js';
import { startInOneThread, type RunningServer } from '../start.js';

export { CALENDAR, PROGRAMME };
export const MONTHS: readonly string[] = ['2026-01', '2026-02', '2026-03'];

export const PLAN = `
plan: resellers
title: Resellers
pays: commission
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
rounding: half-up
settle: { minimum: 10 }
components:
  - id: hardware
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: hardware } }
    measure: { over: quarter }
    rate:
      marginal: [{ below: 1000, pay: 4 % }, { below: 3000, pay: 6 % }, { pay: 8 % }]
    returns: { policy: line }
  - id: service
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: service } }
    rate: { percent: 2.9 % }
    returns: { policy: line }
  - id: team
    credit: { override: [hardware, service], of: basis, levels: [2 %, 1 %] }
`;

export const PARTNERS = [
  partner('top', null),
  partner('middle', 'top'),
  partner('anna', 'middle'),
  partner('bert', 'middle'),
  partner('carl', 'top'),
];

/** Deals of the first quarter with full and partial returns and amendments; amounts vary by a fixed rule. */
export function history(deals: number): DealFact[] {
  return Array.from({ length: deals }, (_, index): DealFact[] => {
    const seller = ['anna', 'bert', 'carl'][index % 3] ?? 'anna';
    const day = Temporal.PlainDate.from('2026-01-01').add({ days: (index * 37) % 85 });
    const at = (days: number): string =>
      `${day.add({ days }).toString()}T${String(8 + (index % 10)).padStart(2, '0')}:00:00Z`;
    const cents = 1_999 + ((index * 7_919) % 20_000);
    const identity = { source: 'crm', deal: `D-${index}` };
    const terms = (net: number) => ({
      currency: 'EUR',
      lines: [
        { id: '1', category: 'hardware', quantity: '1', net: (net / 100).toFixed(2) },
        { id: '2', category: 'service', quantity: '2', net: ((net % 5_000) / 100).toFixed(2) },
      ],
      partners: [{ role: 'seller' as const, partner: seller }],
    });
    return [
      { ...identity, kind: 'booked', occurredAt: at(0), terms: terms(cents) },
      ...(index % 9 === 4
        ? [{ ...identity, kind: 'amended' as const, revision: 1, occurredAt: at(1), terms: terms(cents + 333) }]
        : []),
      ...(index % 7 === 2
        ? [{ ...identity, kind: 'returned' as const, id: 'R1', occurredAt: at(3), lines: [{ line: '1', net: '5.55' }] }]
        : []),
      ...(index % 11 === 5 ? [{ ...identity, kind: 'returned' as const, id: 'R2', occurredAt: at(5) }] : []),
    ];
  }).flat();
}

/** The same list in another order, fixed by the seed, with every `repeat`th item twice. */
export function shuffled<Item>(items: readonly Item[], seed: number, repeat = Infinity): Item[] {
  const next = randomOf(seed);
  return items
    .flatMap((item, index) => (index % repeat === repeat - 1 ? [item, item] : [item]))
    .map((item) => ({ item, key: next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** Pseudo-random numbers from 0 to below 1, fixed by the seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tantieme-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The servers of a spec, in its own process and thread, and their data directories. */
export class TestServers {
  private readonly running: RunningServer[] = [];
  private readonly directories: { remove(): void }[] = [];

  /** A configuration with a new data directory. */
  configuration(of: Partial<RuntimeConfig> = {}): RuntimeConfig {
    const directory = temporaryDirectory();
    this.directories.push(directory);
    return { ...configOf(directory.path), ...of };
  }

  /** @param settleMs see `Driver`. */
  async start(config: RuntimeConfig, settleMs?: number): Promise<Driver> {
    const server = await startInOneThread(config);
    this.running.push(server);
    return new Driver(server.url, config.dataDirectory, settleMs);
  }

  /** Stops all running servers. */
  async stop(): Promise<void> {
    for (const server of this.running.splice(0)) await server.stop();
  }

  /** Stops all running servers and removes their directories. */
  async end(): Promise<void> {
    await this.stop();
    for (const directory of this.directories.splice(0)) directory.remove();
  }
}

/** Verifies the event store of a configuration, as `tantieme verify` does. */
export async function verifyStore(config: RuntimeConfig): Promise<Verification> {
  const store = await openEventStore(config);
  try {
    return await verifyLog({ store, replayables: await replayables(store) });
  } finally {
    await store.close();
  }
}

export function configOf(directory: string): RuntimeConfig {
  return loadConfig({}, { dataDirectory: directory, port: 0, logLevel: 'error' });
}

/** Registers partners, plan and programme; repeating it changes nothing. */
export async function prepare(driver: Driver): Promise<void> {
  await driver.registerPartners(ndjson(PARTNERS));
  await driver.publishPlan(PLAN, '2026-01-01');
  await driver.text('plan-designer', 'POST', '/programmes', JSON.stringify(PROGRAMME));
}

/** Imports facts and returns all statements of the quarter, byte for byte. */
export async function statementsOf(driver: Driver, facts: readonly DealFact[]): Promise<string> {
  await driver.import(ndjson(facts));
  await driver.awaitIdle();
  return statementsOfQuarter(driver);
}

/** The statements of the facts on the embedded engines. */
export async function embeddedStatements(servers: TestServers, facts: readonly DealFact[]): Promise<string> {
  const driver = await servers.start(servers.configuration());
  await prepare(driver);
  const all = await statementsOf(driver, facts);
  await servers.stop();
  if (all.trim().split('\n').length < 10) throw new Error('the history has too few statements for a comparison');
  return all;
}

/** Closes the quarter of the history month by month and returns all statements, byte for byte. */
export async function statementsOfQuarter(driver: Driver): Promise<string> {
  let all = '';
  for (const month of MONTHS) {
    await driver.close(CALENDAR, month);
    await driver.awaitIdle();
    all += await driver.statements(CALENDAR, month);
  }
  return all;
}

export function ndjson(items: readonly object[]): string {
  return items.map((item) => JSON.stringify(item)).join('\n');
}
