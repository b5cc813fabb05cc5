/** The service alone, over the embedded store and broker: messages in, messages out. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { verifyLog } from '@tantieme/audit/verify';
import type { Deal, DealLine } from '@tantieme/contracts/deal';
import { decode, encode } from '@tantieme/contracts/envelope';
import type { EarningsOfDeal, LedgerLine, PeriodManifest } from '@tantieme/contracts/ledger';
import type { Partner } from '@tantieme/contracts/partner';
import { TOPICS } from '@tantieme/contracts/topics';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { createApplication } from '@tantieme/service-kit/application/application';
import { withDocumentedAnswers } from '@tantieme/service-kit/testing/documented-answers.fixture';
import type { Role } from '@tantieme/service-kit/access/auth';
import { Background } from '@tantieme/service-kit/background/background';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import { CommissionCalculationModule } from '../commission-calculation.module.js';
import type { PeriodRead } from '../period/period.dto.js';
import type { PlanDraftAnswer } from '../plan/plan.dto.js';
import { replayables } from '../replayables.js';

/** Far longer than anything here takes. */
const WAIT_MS_MAX = 20_000;

export const CALENDAR = 'monthly@Europe/Paris';

export const PLAN = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
settle: { minimum: 10 }
components:
  - id: hardware
    title: Hardware of the quarter
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: hardware } }
    measure: { over: quarter }
    rate:
      marginal: [{ below: 1000, pay: 4 % }, { below: 3000, pay: 6 % }, { pay: 8 % }]
  - id: service
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: service } }
    rate: { percent: 2.9 % }
  - id: team
    credit: { override: [hardware, service], of: basis, levels: [2 %, 1 %] }
`;

export interface PartnerShape {
  readonly upline?: string | null;
  readonly tier?: string;
  readonly channel?: Partner['channel'];
  readonly plans?: readonly string[];
  readonly from?: string;
  readonly until?: string;
}

export function partnerOf(id: string, shape: PartnerShape = {}): Partner {
  const { upline = null, tier = 'gold', channel = 'retail', plans = ['resellers'], from = '2026-01-01', until } = shape;
  return {
    id,
    name: id,
    channel,
    country: 'FR',
    tiers: [{ from, value: tier }],
    uplines: [{ from, value: upline }],
    agreements: plans.map((plan) => ({ id: `${id}-${plan}`, plan, from, ...(until === undefined ? {} : { until }) })),
  };
}

/** Two lines, hardware and service, of one seller; booked on 10 January 2026 unless `shape` has another time. */
export function dealOf(
  id: string,
  shape: Partial<Omit<Deal, 'terms'>> & {
    readonly seller?: string;
    readonly net?: readonly [string, string];
    readonly lines?: readonly DealLine[];
  } = {},
): Deal {
  const { seller = 'anna', net = ['100.00', '50.00'], lines, ...facts } = shape;
  return {
    source: 'crm',
    id,
    terms: {
      currency: 'EUR',
      lines: lines ?? [
        { id: '1', category: 'hardware', quantity: '1', net: net[0] },
        { id: '2', category: 'service', quantity: '2', net: net[1] },
      ],
      partners: [{ role: 'seller', partner: seller }],
    },
    bookedAt: '2026-01-10T10:00:00Z',
    invoices: [],
    payments: [],
    soldThrough: [],
    returns: [],
    ...facts,
  };
}

/** Input from outside: a message, or a plan that somebody publishes. */
export type ServiceInput =
  | { readonly kind: 'deal'; readonly deal: Deal; readonly revision: number }
  | { readonly kind: 'partner'; readonly partner: Partner; readonly revision: number }
  | { readonly kind: 'plan'; readonly document: string; readonly effectiveFrom: string };

export class Service {
  private constructor(
    readonly directory: string,
    readonly application: Awaited<ReturnType<typeof createApplication>>,
  ) {}

  static async start(directory = mkdtempSync(join(tmpdir(), 'commission-calculation-'))): Promise<Service> {
    const config = loadConfig({}, { dataDirectory: directory, logLevel: 'error' });
    return new Service(directory, await createApplication(withDocumentedAnswers(CommissionCalculationModule), config));
  }

  /** A service that a test has started in its own way. */
  static of(directory: string, application: Service['application']): Service {
    return new Service(directory, application);
  }

  get broker(): Broker {
    return this.application.get<Broker>(BROKER);
  }

  get store(): EventStore {
    return this.application.get<EventStore>(EVENT_STORE);
  }

  async stop(): Promise<void> {
    await this.application.close();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * @param body a text is sent as YAML, an object as JSON
   * @param partner the partner that a caller with the role `partner` acts for
   */
  async call<Body>(
    role: Role,
    method: 'GET' | 'POST',
    url: string,
    body?: object | string,
    partner?: string,
  ): Promise<{ readonly status: number; readonly body: Body }> {
    const token = await mintToken({
      dataDirectory: this.directory,
      subject: `test-${role}`,
      roles: [role],
      ...(partner === undefined ? {} : { partner }),
    });
    const answer = await this.application.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${token}`,
        ...(typeof body === 'string' ? { 'content-type': 'application/yaml' } : {}),
      },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Body };
  }

  /** The code of a refusal. */
  async refusal(...request: Parameters<Service['call']>): Promise<string> {
    return (await this.call<{ readonly code: string }>(...request)).body.code;
  }

  /** The items of a list's first page. */
  async list<Item = unknown>(role: Role, url: string, partner?: string): Promise<readonly Item[]> {
    return (await this.call<Page<Item>>(role, 'GET', url, undefined, partner)).body.items;
  }

  /** Consecutive inputs of one kind go out together, as a relay would send them. */
  async send(inputs: readonly ServiceInput[]): Promise<void> {
    for (let at = 0; at < inputs.length;) {
      const first = inputs[at];
      if (first === undefined) return;
      if (first.kind === 'plan') {
        const { status, body } = await this.publish(first.document, first.effectiveFrom);
        if (status !== 200) throw new Error(JSON.stringify(body));
        at += 1;
        continue;
      }
      const messages: OutgoingMessage[] = [];
      for (let one = inputs[at]; one?.kind === first.kind; one = inputs[++at]) messages.push(messageOf(one));
      await this.broker.publish(first.kind === 'deal' ? TOPICS.deals : TOPICS.partners, messages);
    }
  }

  /** Drafts, approves and publishes a plan. @returns the first refusal, or the last answer */
  async publish(document: string, effectiveFrom: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const draft = await this.call<PlanDraftAnswer>('plan-designer', 'POST', '/plans', document);
    if (draft.status !== 201) return draft;
    const path = `/plans/${draft.body.plan}/versions/${draft.body.version}`;
    const approval = await this.call('approver', 'POST', `${path}/approve`);
    if (approval.status !== 200) return approval;
    return this.call('approver', 'POST', `${path}/publish`, { effectiveFrom });
  }

  /** Waits until all processes are idle, twice in a row. */
  async idle(): Promise<void> {
    const background = this.application.get(Background);
    for (let still = 0, began = Date.now(); still < 2; await pause(10)) {
      const status = background.status();
      if (Date.now() - began > WAIT_MS_MAX) throw new Error(`not idle: ${JSON.stringify(status)}`);
      const failing = status.find(({ lastError }) => lastError !== undefined);
      if (failing !== undefined) throw new Error(`${failing.name}: ${failing.lastError}`);
      still = status.every(({ lag }) => lag === undefined || lag === '0') ? still + 1 : 0;
    }
  }

  /** @param force reason, where something is outstanding */
  async close(period: string, calendar = CALENDAR, force?: string): Promise<void> {
    const { status, body } = await this.beginClosing(period, calendar, force);
    if (status !== 200) throw new Error(JSON.stringify(body));
    await this.closed(period, calendar);
  }

  /** Proposes a closing, and has another person confirm it. @returns the first refusal, or the confirmed proposal */
  async beginClosing(
    period: string,
    calendar = CALENDAR,
    force?: string,
  ): Promise<{ readonly status: number; readonly body: Proposal }> {
    const path = `/periods/${encodeURIComponent(calendar)}/${period}/close`;
    const proposed = await this.call<Proposal>('finance', 'POST', path, force === undefined ? {} : { force });
    return proposed.status === 202 ? this.confirm(proposed.body) : proposed;
  }

  confirm({ id }: Proposal): Promise<{ readonly status: number; readonly body: Proposal }> {
    return this.call<Proposal>('approver', 'POST', `/commission-proposals/${encodeURIComponent(id)}/confirm`);
  }

  /** Discards everything that is parked: one person proposes it, another confirms it. */
  async discardParked(reason: string): Promise<void> {
    for (const { id } of await this.list<{ readonly id: string }>('operator', '/parked')) {
      const proposed = await this.call<Proposal>('operator', 'POST', `/parked/${id}/discard`, { reason });
      const path = `/parked-proposals/${encodeURIComponent(proposed.body.id)}/confirm`;
      const { body } = await this.call<Proposal>('finance', 'POST', path);
      if (body.state !== 'done') throw new Error(JSON.stringify(body));
    }
    await this.idle();
  }

  /** Waits until a closing has finished. */
  async closed(period: string, calendar = CALENDAR): Promise<void> {
    const path = `/periods/${encodeURIComponent(calendar)}/${period}`;
    for (const began = Date.now(); ; await pause(10)) {
      const { body } = await this.call<PeriodRead>('operator', 'GET', path);
      if (body.state === 'closed') return;
      if (Date.now() - began > WAIT_MS_MAX) {
        const status = this.application.get(Background).status();
        throw new Error(`not closed: ${JSON.stringify(body)} ${JSON.stringify(status)}`);
      }
    }
  }

  /** Every message of the topic `commissions`. */
  async published(): Promise<{ earnings: Map<string, EarningsOfDeal>; manifests: PeriodManifest[]; messages: number }> {
    const newest = new Map<string, { revision: number; data: EarningsOfDeal }>();
    const manifests: PeriodManifest[] = [];
    let messages = 0;
    for (const { value } of await readTopic(this.broker, TOPICS.commissions)) {
      const envelope = decode(value);
      messages += 1;
      if (envelope.type === 'period-manifest') manifests.push(envelope.data);
      if (envelope.type !== 'earnings-of-deal') continue;
      const name = `${envelope.stream} ${envelope.data.deal}`;
      const { revision = -1, data } = envelope;
      if ((newest.get(name)?.revision ?? -1) <= revision) newest.set(name, { revision, data });
    }
    return { earnings: new Map([...newest].map(([name, { data }]) => [name, data])), manifests, messages };
  }

  /** All posted lines, from the published messages: one text per line, in order. */
  async ledger(): Promise<readonly string[]> {
    const { earnings } = await this.published();
    return [...earnings.values()]
      .flatMap(({ payee, currency, lines }) => lines.map((line) => textOf(payee, currency, line)))
      .sort();
  }

  async verify(): ReturnType<typeof verifyLog> {
    // The chain is one of parts, which the store of the service does not show.
    const store = openSqliteEventStore(join(this.directory, 'events.sqlite'));
    try {
      return await verifyLog({ store, replayables: await replayables(store) });
    } finally {
      await store.close();
    }
  }
}

function textOf(payee: string, currency: string, line: LedgerLine): string {
  const { period, origin, component, deal, line: name, kind, basis, amount } = line;
  return `${payee} ${period} ${origin} ${component} ${deal} ${name} ${kind} ${basis} → ${amount} ${currency}`;
}

function messageOf(input: Exclude<ServiceInput, { kind: 'plan' }>): OutgoingMessage {
  const { kind, revision } = input;
  const key = kind === 'deal' ? `${input.deal.source}|${input.deal.id}` : input.partner.id;
  const stream = `${kind}-${key}`;
  const attributes = {
    id: `${stream}@${revision}`,
    time: '2026-01-01T00:00:00Z',
    source: kind === 'deal' ? '/deal-ingestion' : '/partner-registry',
    subject: key,
    key,
    stream,
    revision,
    correlationId: `c-${key}`,
    actor: 'service:test',
  };
  const value = kind === 'deal' ? encode('deal', attributes, input.deal) : encode('partner', attributes, input.partner);
  return { key, value };
}

/** The same list in another order, by a fixed rule, with every `repeat`th item twice. */
export function shuffled<Item>(items: readonly Item[], seed: number, repeat = Infinity): Item[] {
  let state = seed;
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  return items
    .flatMap((item, index) => (index % repeat === repeat - 1 ? [item, item] : [item]))
    .map((item) => ({ item, key: next() }))
    .sort((left, right) => left.key - right.key)
    .map(({ item }) => item);
}
