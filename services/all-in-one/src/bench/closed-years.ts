/**
 * What closed years cost a payee today: the first deal and the next closing after a restart, for a payee with many
 * lines in closed years against one with none. The history is appended as the deciders compute it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { calendarDecider, calendarStream } from '@tantieme/commission-calculation/calendar/calendar';
import { CommissionCalculationModule } from '@tantieme/commission-calculation/commission-calculation.module';
import { packLines } from '@tantieme/commission-calculation/credit/credit-lines';
import { EARNING, earningDecider, earningStream } from '@tantieme/commission-calculation/earning/earning';
import type { EarningCommand } from '@tantieme/commission-calculation/earning/earning';
import { EARNING_RUNTIME } from '@tantieme/commission-calculation/earning/earning.service';
import type { EarningRuntime } from '@tantieme/commission-calculation/earning/earning.service';
import { planDecider, planStream } from '@tantieme/commission-calculation/plan/plan';
import { PlanCatalog } from '@tantieme/commission-calculation/plan/plan-catalog.service';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { Deal } from '@tantieme/contracts/deal';
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { eventId } from '@tantieme/event-sourcing/decide/identity';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { EventStore, NewEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { createApplication } from '@tantieme/service-kit/application/application';
import { Background } from '@tantieme/service-kit/background/background';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { CALENDAR, PLAN } from './history.js';

const YEARS = [2022, 2023, 2024, 2025];
const LINES_PER_DEAL = 10;
/** Events per append, and pause between looks at the log. */
const BATCH = 100;
const PAUSE_MS = 1;
/** Restarts per payee; the fastest counts, as whatever else runs on the machine only adds to it. */
const RESTARTS = 5;
const OLD = 'payee-old';
const NEW = 'payee-new';
const OPEN = '2026-01';
const AT = '2026-01-10T10:00:00.000Z';
const context = { actor: 'bench', correlationId: 'bench' };

export interface ClosedYears {
  /** Lines of the payee in closed years. */
  readonly closedLines: number;
  readonly closedFirstDealMs: number;
  /** First deal after a restart, with closed years to without. */
  readonly closedYears: number;
  readonly closedClosingMs: number;
  /** Closing of the payee after a restart, likewise. */
  readonly closedYearsClosing: number;
}

export async function measureClosedYears(lines: number): Promise<ClosedYears> {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-closed-years-'));
  try {
    const store = openSqliteEventStore(join(directory, 'events.sqlite'));
    await publishPlan(store);
    await appendClosedYears(store, Math.ceil(lines / LINES_PER_DEAL));
    await store.close();
    await withService(directory, registerPartners);
    const firstDeal = { old: [] as number[], none: [] as number[] };
    const closing = { old: [] as number[], none: [] as number[] };
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      firstDeal.none.push(await withService(directory, (service) => firstDealMs(service, NEW, restart)));
      firstDeal.old.push(await withService(directory, (service) => firstDealMs(service, OLD, restart)));
    }
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      const period = openPeriod(restart);
      closing.none.push(await withService(directory, (service) => closingMs(service, NEW, period)));
      closing.old.push(await withService(directory, (service) => closingMs(service, OLD, period)));
    }
    return {
      closedLines: lines,
      closedFirstDealMs: Math.min(...firstDeal.old),
      closedYears: Math.min(...firstDeal.old) / Math.min(...firstDeal.none),
      closedClosingMs: Math.min(...closing.old),
      closedYearsClosing: Math.min(...closing.old) / Math.min(...closing.none),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One with a deal per restart. */
function openPeriod(restart: number): string {
  return `2026-0${restart + 1}`;
}

async function publishPlan(store: EventStore): Promise<void> {
  const { document } = parsePlan(PLAN);
  if (document === undefined) throw new Error('the plan of the benchmark is invalid');
  const plans = createRuntime({ store, decider: planDecider });
  const hash = canonicalJson(document);
  const steps = [
    { type: 'draft', document, hash, findings: [], by: 'designer', at: AT },
    { type: 'approve', number: 1, by: 'approver', at: AT },
    { type: 'publish', number: 1, effectiveFrom: '2022-01-01', by: 'approver', openFrom: null, at: AT },
  ] as const;
  for (const step of steps) await plans.handle(planStream('bench'), step, { ...context, cause: step.type });
}

/** Deals of the payee in all closed years and one in the open one, and the closings. */
async function appendClosedYears(store: EventStore, deals: number): Promise<void> {
  const catalog = new PlanCatalog(store);
  await catalog.load();
  const planVersion = catalog.newest('bench').version;
  const decider = earningDecider(catalog);
  const stream = earningStream(OLD, 'bench');
  let state = decider.initialState();
  let events: NewEvent[] = [];
  let revision = 0;
  const append = async (): Promise<void> => {
    if (events.length === 0) return;
    await store.append({
      stream,
      expectedRevision: revision === events.length ? 'no-stream' : revision - events.length - 1,
      events,
    });
    events = [];
  };
  const decide = async (command: EarningCommand): Promise<void> => {
    for (const event of decider.decide(command, state)) {
      state = decider.evolve(state, event);
      const id = eventId(stream, command.type, revision);
      events.push({ ...event, id, metadata: context });
      revision += 1;
    }
    if (events.length >= BATCH) await append();
  };
  const calendars = createRuntime({ store, decider: calendarDecider });
  const periods = YEARS.flatMap((year) =>
    Array.from({ length: 12 }, (_, month) => `${year}-${String(month + 1).padStart(2, '0')}`),
  );
  let openFrom: string | null = null;
  for (const [index, period] of periods.entries()) {
    const from = Math.floor((deals * index) / periods.length);
    for (let number = from; number < Math.floor((deals * (index + 1)) / periods.length); number += 1) {
      const day = 1 + Math.floor((28 * (number - from)) / (deals / periods.length));
      const at = `${period}-${String(day).padStart(2, '0')}T10:00:00.000Z`;
      const quarter = `${period.slice(0, 4)}-Q${Math.ceil(Number(period.slice(5)) / 3)}`;
      const lines = Array.from({ length: LINES_PER_DEAL }, (_, line) => ({
        component: 'sales',
        planVersion,
        occurrence: 'booked',
        line: String(line + 1),
        at,
        period,
        window: quarter,
        basis: `${10 + ((number * 7919 + line) % 900)}.00`,
      }));
      await decide({
        type: 'credit',
        currency: 'EUR',
        calendar: CALENDAR,
        deal: `bench|D-${number}`,
        number: 1,
        groups: packLines(lines),
        openFrom,
        at,
      });
    }
    await decide({ type: 'close-period', payee: OLD, plan: 'bench', period, minimum: '0.00', planVersion, at: AT });
    await append();
    const request = { calendar: CALENDAR, period, proposal: `close ${period}`, by: 'finance', confirmedBy: 'approver' };
    const input = { plans: 1, earliestOpen: index === 0 ? period : null, outstanding: [] };
    const steps = [
      { type: 'close', ...request, ...input, at: AT },
      { type: 'seal', period, at: AT },
      { type: 'finish', period, at: AT },
    ] as const;
    for (const step of steps)
      await calendars.handle(calendarStream(CALENDAR), step, { ...context, cause: `${step.type} ${period}` });
    openFrom = periods[index + 1] ?? OPEN;
  }
}

type Service = Awaited<ReturnType<typeof createApplication>>;

/** Starts the service as after a restart, waits until it has caught up with the log, and stops it again. */
async function withService<Result>(directory: string, use: (service: Service) => Promise<Result>): Promise<Result> {
  const config = loadConfig({}, { dataDirectory: directory, logLevel: 'error' });
  const service = await createApplication(CommissionCalculationModule, config);
  try {
    await idle(service);
    const result = await use(service);
    await idle(service);
    return result;
  } finally {
    await service.close();
  }
}

/** Waits until all processes are idle, twice in a row. */
async function idle(service: Service): Promise<void> {
  const background = service.get(Background);
  for (let still = 0; still < 2; await pause(10))
    still = background.status().every(({ lag }) => lag === undefined || lag === '0') ? still + 1 : 0;
}

async function registerPartners(service: Service): Promise<void> {
  const messages = [OLD, NEW].map((id) => {
    const partner = {
      id,
      name: id,
      channel: 'retail',
      country: 'FR',
      tiers: [],
      uplines: [],
      agreements: [{ id, plan: 'bench', from: '2022-01-01' }],
    } as const;
    return { key: id, value: encode('partner', attributesOf('partner-registry', `partner-${id}`, id), partner) };
  });
  await service.get<Broker>(BROKER).publish(TOPICS.partners, messages);
  await idle(service);
  // A deal each in the open year.
  for (const id of [OLD, NEW]) await firstDealMs(service, id, -1);
}

function attributesOf(source: string, stream: string, key: string) {
  const origin = { id: `${stream}@0`, time: AT, source: `/${source}`, stream, revision: 0 };
  return { ...origin, subject: key, key, correlationId: 'bench', actor: 'bench' };
}

/** From the message of a deal in the open period until its earning is stored. */
async function firstDealMs(service: Service, payee: string, restart: number): Promise<number> {
  const id = `${payee}-${restart}`;
  const deal: Deal = {
    source: 'bench',
    id,
    terms: {
      currency: 'EUR',
      lines: [{ id: '1', category: 'hardware', quantity: '1', net: '100.00' }],
      partners: [{ role: 'seller', partner: payee }],
    },
    bookedAt: `${openPeriod(Math.max(0, restart))}-10T10:00:00.000Z`,
    invoices: [],
    payments: [],
    soldThrough: [],
    returns: [],
  };
  const key = `bench|${id}`;
  const store = service.get<EventStore>(EVENT_STORE);
  const after = await store.head();
  const startedMs = performance.now();
  const value = encode('deal', attributesOf('deal-ingestion', `deal-${key}`, key), deal);
  await service.get<Broker>(BROKER).publish(TOPICS.deals, [{ key, value }]);
  const filter = { categories: [EARNING] };
  while ((await store.readAll({ after, filter, limit: 1 })).events.length === 0) await pause(PAUSE_MS);
  return performance.now() - startedMs;
}

async function closingMs(service: Service, payee: string, period: string): Promise<number> {
  const earnings = service.get<EarningRuntime>(EARNING_RUNTIME);
  const plans = service.get(PlanCatalog);
  await plans.ensure(['bench']);
  const { version: planVersion } = plans.newest('bench');
  const startedMs = performance.now();
  const command = { type: 'close-period', payee, plan: 'bench', period, minimum: '0.00', planVersion, at: AT } as const;
  await earnings.handle(earningStream(payee, 'bench'), command, { ...context, cause: `closing ${period}` });
  return performance.now() - startedMs;
}
