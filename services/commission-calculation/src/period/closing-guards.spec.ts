import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { StepContext, StepResult } from '@tantieme/event-sourcing/process/process';
import { createApplication } from '@tantieme/service-kit/application/application';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { systemTimers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';
import { Budgets } from '../budget/budget.service.js';
import { Calendars } from '../calendar/calendars.service.js';
import { CommissionCalculationModule } from '../commission-calculation.module.js';
import { EARNING_RUNTIME } from '../earning/earning.service.js';
import type { EarningRuntime } from '../earning/earning.service.js';
import { EARN_CONSUMER } from '../earning/earning.consumer.js';
import { earningStream } from '../earning/earning-stream.js';
import type { EarningTables } from '../earning/earning.tables.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { CALENDAR, dealOf, partnerOf, PLAN, Service } from '../testing/service.fixture.js';
import type { ServiceInput } from '../testing/service.fixture.js';
import { CLOSE } from '../testing/world.fixture.js';
import { ClosingPreviews } from './closing-preview.service.js';
import { Closing } from './closing.process.js';
import type { PeriodRead } from './period.dto.js';
import { Periods } from './periods.service.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.end();
});

const PERIOD = '2026-01';
const PATH = `/periods/${encodeURIComponent(CALENDAR)}/${PERIOD}`;
const REOPEN = {
  calendar: CALENDAR,
  period: PERIOD,
  proposal: 'reopen-period|…|1',
  by: 'fiona',
  confirmedBy: 'ada',
  reason: 'a deal is late',
  approvalBegun: false,
};

/** The service with all its work but closings: a test runs one itself. */
async function started(inputs: readonly ServiceInput[]): Promise<Service> {
  const directory = mkdtempSync(join(tmpdir(), 'closing-guards-'));
  const config = loadConfig({}, { dataDirectory: directory, logLevel: 'fatal' });
  const application = await createApplication(
    CommissionCalculationModule,
    config,
    (work) => work !== 'commission-closing',
  );
  const service = Service.of(directory, application);
  services.push(service);
  await service.send(inputs);
  await service.idle();
  return service;
}

/** Confirms a closing. @returns its next step; `before` is called before it asks how far a process is. */
async function begin(
  service: Service,
  before: (process: string) => Promise<void> = async () => undefined,
): Promise<() => Promise<StepResult>> {
  const { application, store } = service;
  const calendars = application.get(Calendars);
  const at = '2026-02-02T09:00:00.000Z';
  const command = { ...CLOSE, type: 'close', calendar: CALENDAR, period: PERIOD, at } as const;
  await calendars.handle(CALENDAR, command, { actor: 'fiona', correlationId: 'c', cause: 'close' });
  const { events } = await store.readAll({ filter: { types: ['PeriodClosing'] }, limit: 1 });
  const closing = new Closing({
    store,
    db: application.get<Kysely<EarningTables>>(DATABASE),
    plans: application.get(PlanCatalog),
    calendars,
    periods: application.get(Periods),
    earnings: application.get<EarningRuntime>(EARNING_RUNTIME),
    budgets: application.get(Budgets),
    previews: application.get(ClosingPreviews),
  });
  const context: StepContext = {
    signal: AbortSignal.timeout(30_000),
    timers: systemTimers,
    hasReached: async (process) => {
      await before(process);
      await service.idle();
      return true;
    },
    attempt: (_, work) => work(),
    saveIn: async () => undefined,
  };
  const { step } = closing.process();
  return () => step(events, context);
}

/** Closes the period; `before` is called before the closing asks how far a process is. */
async function close(service: Service, before: (process: string) => Promise<void>): Promise<void> {
  const step = await begin(service, before);
  expect(await step()).toBe('open');
  for (const others of ['rewards-closed', 'manifest-published', 'statements-issued'] as const)
    await service.announce({ calendar: CALENDAR, period: PERIOD, closing: 1, step: others });
  await service.idle();
  expect(await step()).toBeUndefined();
}

const deal = (id: string, shape: Parameters<typeof dealOf>[1] = {}): ServiceInput => ({
  kind: 'deal',
  deal: dealOf(id, shape),
  revision: 0,
});

describe('a closing', () => {
  it('takes what a batch posts that read the calendar before the seal and is stored after it', async () => {
    const anna: ServiceInput = { kind: 'partner', partner: partnerOf('anna'), revision: 0 };
    const service = await started([{ kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' }, anna, deal('D-1')]);
    const { application } = service;
    const earnings = application.get<EarningRuntime>(EARNING_RUNTIME);
    const { plan } = (await earnings.load(earningStream('anna', 'resellers'))).state;
    if (plan === undefined) throw new Error('expected earnings');
    const planVersion = application.get(PlanCatalog).newest('resellers').version;
    let isLate = true;
    await close(service, async (work) => {
      const { closing } = await application.get(Calendars).state(CALENDAR);
      if (!isLate || closing?.sealed !== true || work !== EARN_CONSUMER) return;
      isLate = false;
      const at = '2026-01-10T10:00:00.000Z';
      const group = { component: 'service', planVersion, occurrence: 'booked', at, period: PERIOD, window: PERIOD };
      const groups = [{ ...group, lines: [['1', '100.00'] as const] }];
      const command = { type: 'credit', deal: 'crm|L-1', number: 1, groups, openFrom: PERIOD, at } as const;
      await earnings.handle(
        earningStream('late', 'resellers'),
        { ...command, ...plan },
        { actor: 'service:test', correlationId: 'c', cause: 'late' },
      );
    });
    await service.idle();
    const { manifests } = await service.published();
    expect(manifests.flatMap(({ entries }) => entries.map(({ stream }) => stream)).sort()).toEqual([
      'earning-anna|resellers',
      'earning-late|resellers',
    ]);
  });

  it.each([
    ['no plan with internal messages', PLAN.replace(/ {2}- id: team[^]*$/, ''), 1],
    ['an override on earnings', PLAN.replace('of: basis', 'of: earning'), 2],
    ['a budget', `${PLAN.replace(/ {2}- id: team[^]*$/, '')}    budget: 1000\n`, 3],
  ])('waits for a round for each hop of internal messages before it seals: %s', async (_, document, rounds) => {
    const service = await started([{ kind: 'plan', document, effectiveFrom: '2026-01-01' }]);
    let waits = 0;
    await close(service, async (work) => {
      const { closing } = await service.application.get(Calendars).state(CALENDAR);
      if (work === 'commission-deal-dependencies' && closing?.sealed === false) waits += 1;
    });
    expect(waits).toBe(rounds);
  });

  it('waits as long as the first one, also after a closing that finished without an answer', async () => {
    const service = await started([{ kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' }]);
    const calendars = service.application.get(Calendars);
    const context = { actor: 'fiona', correlationId: 'c', cause: 'next' };
    const at = '2026-03-02T09:00:00.000Z';
    let asked: string[] = [];
    const step = await begin(service, async (process) => void asked.push(process));
    expect(await step()).toBe('open');
    const ofFirst = asked;
    asked = [];
    await calendars.handle(CALENDAR, { type: 'finish', period: PERIOD, at }, context);
    expect(await step()).toBeUndefined();
    await calendars.handle(CALENDAR, { ...CLOSE, type: 'close', calendar: CALENDAR, period: '2026-02', at }, context);
    expect(await step()).toBe('open');
    expect(asked).toEqual(ofFirst);
  });

  it('is not sealed while something is outstanding that nobody has confirmed; a forced one knows what it left', async () => {
    const service = await started([{ kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' }, deal('D-1')]);
    const step = await begin(service);
    const calendars = service.application.get(Calendars);
    const read = async () => (await service.call<PeriodRead>('auditor', 'GET', PATH)).body;
    expect(await step()).toBe('open');
    expect((await calendars.state(CALENDAR)).closing?.sealed).toBe(false);
    expect(await read()).toMatchObject({ state: 'closing', unconfirmed: [{ code: 'DealsPending', count: 1 }] });
    await service.send([{ kind: 'partner', partner: partnerOf('anna'), revision: 0 }]);
    await service.idle();
    expect(await step()).toBe('open');
    expect((await calendars.state(CALENDAR)).closing?.sealed).toBe(true);
    expect((await read()).waitsFor).toBe('rewards to close the period');
    const { manifests } = await service.published();
    expect(manifests.flatMap(({ entries }) => entries.map(({ stream }) => stream))).toEqual(['earning-anna|resellers']);
  });

  it('can be stopped before its seal', async () => {
    const service = await started([{ kind: 'plan', document: PLAN, effectiveFrom: '2026-01-01' }, deal('D-1')]);
    const step = await begin(service);
    expect(await step()).toBe('open');
    expect(await service.beginReopening(PERIOD)).toMatchObject({ body: { state: 'done' } });
    expect(await step()).toBeUndefined();
    expect((await service.call<PeriodRead>('auditor', 'GET', PATH)).body).toMatchObject({ state: 'reopened' });
    const force = 'anna will never register';
    expect(await service.beginClosing(PERIOD, CALENDAR, force)).toMatchObject({ body: { state: 'done' } });
    expect((await service.application.get(Calendars).state(CALENDAR)).closing).toMatchObject({ closing: 2 });
    // The proposal of the first closing, carried out again after a crash.
    const command = {
      ...CLOSE,
      type: 'close',
      calendar: CALENDAR,
      period: PERIOD,
      at: '2026-02-02T09:00:00Z',
    } as const;
    const context = { actor: 'fiona', correlationId: 'c', cause: 'again' };
    await service.application
      .get(Calendars)
      .handle(CALENDAR, { type: 'reopen', ...REOPEN, closing: 1, at: '' }, context);
    await service.application.get(Calendars).handle(CALENDAR, command, context);
    expect((await service.application.get(Calendars).state(CALENDAR)).closing).toMatchObject({ closing: 2 });
  });

  it('uses minimum and guarantee of the plan version in force when the period begins', async () => {
    const version = (minimum: number, guarantee: number) =>
      PLAN.replace('minimum: 10', `minimum: ${minimum}`).replace(
        'components:',
        `guarantee: { amount: ${guarantee}, over: period, of: [service] }\ncomponents:`,
      );
    const service = await Service.start();
    services.push(service);
    await service.send([
      { kind: 'plan', document: version(10, 50), effectiveFrom: '2026-01-01' },
      { kind: 'plan', document: version(20, 80), effectiveFrom: '2026-02-01' },
      { kind: 'plan', document: version(30, 90), effectiveFrom: '2026-03-01' },
      { kind: 'partner', partner: partnerOf('anna'), revision: 0 },
      deal('D-1', { net: ['0.00', '100.00'] }),
      deal('D-2', { net: ['0.00', '100.00'], bookedAt: '2026-02-10T10:00:00Z' }),
    ]);
    await service.idle();
    await service.close('2026-01');
    await service.close('2026-02');
    await service.idle();
    const { manifests } = await service.published();
    expect(manifests.map(({ period, entries }) => [period, entries.map(({ minimum }) => minimum)]).sort()).toEqual([
      ['2026-01', ['10.00']],
      ['2026-02', ['20.00']],
    ]);
    // 2.9 % of 100.00 are 2.90; the guarantee of the version tops it up.
    const guarantees = (await service.ledger()).filter((line) => line.includes('guarantee'));
    expect(guarantees.map((line) => line.split('→ ')[1])).toEqual(['47.10 EUR', '77.10 EUR']);
  });
});
