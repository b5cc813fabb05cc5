/** The rewards service alone, and messages as its upstream services publish them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { encode } from '@tantieme/contracts/envelope';
import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import type { AnnouncedStep } from '@tantieme/contracts/closing';
import type { BonusOfWindow, LedgerLine, PeriodManifest } from '@tantieme/contracts/ledger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { ChannelType } from '@tantieme/contracts/partner';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { createApplication } from '@tantieme/service-kit/application/application';
import { withDocumentedAnswers } from '@tantieme/service-kit/testing/documented-answers.fixture';
import type { Role } from '@tantieme/service-kit/access/auth';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';

import type { Bonus } from '../bonus/bonus.dto.js';
import { CALENDAR, line } from '../bonus/bonus.fixture.js';
import { RewardsModule } from '../rewards.module.js';

export interface TopicMessage {
  readonly topic: string;
  readonly message: OutgoingMessage;
}

/** A published message of rewards. */
interface PublishedMessage {
  readonly type: string;
  readonly data: Partial<BonusOfWindow & PeriodManifest>;
}

export class RewardsApplication {
  private constructor(
    readonly directory: string,
    readonly application: NestFastifyApplication,
  ) {}

  static async start(directory = mkdtempSync(join(tmpdir(), 'rewards-'))): Promise<RewardsApplication> {
    const config = loadConfig({}, { dataDirectory: directory, logLevel: 'silent' });
    return new RewardsApplication(directory, await createApplication(withDocumentedAnswers(RewardsModule), config));
  }

  async restart(): Promise<RewardsApplication> {
    await this.application.close();
    return RewardsApplication.start(this.directory);
  }

  async end(): Promise<void> {
    await this.application.close();
    rmSync(this.directory, { recursive: true });
  }

  get broker(): Broker {
    return this.application.get<Broker>(BROKER);
  }

  get store(): EventStore {
    return this.application.get<EventStore>(EVENT_STORE);
  }

  async publish(messages: readonly TopicMessage[]): Promise<void> {
    for (const { topic, message } of messages) await this.broker.publish(topic, [message]);
  }

  /** The answer; the caller names the type of its body. */
  async call<Body>(
    method: 'GET' | 'POST',
    url: string,
    role: Role = 'finance',
    { body, partner }: { body?: object; partner?: string } = {},
  ): Promise<{ readonly status: number; readonly body: Body }> {
    const token = await mintToken(
      omitUndefined({ dataDirectory: this.directory, subject: `${role}-1`, roles: [role], partner }),
    );
    const answer = await this.application.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}` },
      ...omitUndefined({ payload: body }),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Body };
  }

  /** Waits up to five seconds for the expected bonuses. @returns them as `payee window measured amount`. */
  async bonuses(expected: readonly string[]): Promise<readonly string[]> {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const { body } = await this.call<Page<Bonus>>('GET', '/bonuses?limit=200');
      const found = body.items.map((one) => `${one.payee} ${one.window} ${one.measured} ${one.amount}`);
      if (JSON.stringify(found) === JSON.stringify(expected) || waitedMs > 5000) return found;
      await pauseMs(20);
    }
  }

  /** The stored events of these types. */
  async events(types: readonly string[]): Promise<readonly StoredEvent[]> {
    return (await this.store.readAll({ filter: { types }, limit: 10_000 })).events;
  }

  /** The events of a type, once there are at least `count`. */
  async until(type: string, count: number): Promise<readonly StoredEvent[]> {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const events = await this.events([type]);
      if (events.length >= count) return events;
      if (waitedMs > 20_000) throw new Error(`only ${events.length} of ${count} events ${type} after 20 s`);
      await pauseMs(20);
    }
  }

  /** The published messages of a period in canonical order, once its manifest is published. */
  async published(period: string): Promise<readonly PublishedMessage[]> {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const messages: PublishedMessage[] = [];
      for (const { value } of await readTopic(this.broker, TOPICS.rewards))
        messages.push(JSON.parse(value) as PublishedMessage);
      // A bonus is published with all its lines: it belongs to the period of the last one.
      const isOfPeriod = ({ data }: PublishedMessage): boolean =>
        data.period === period || data.lines?.at(-1)?.period === period;
      const ofPeriod = messages.filter(isOfPeriod);
      if (ofPeriod.some(({ type }) => type === 'tantieme.period-manifest.v1'))
        return ofPeriod
          .map(({ type, data }) => ({ type, data }))
          .sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
      if (waitedMs > 20_000) throw new Error(`no manifest of ${period} was published within 20 s`);
      await pauseMs(20);
    }
  }
}

export function pauseMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function attributes(id: string, key: string): EnvelopeAttributes {
  return {
    id,
    time: '2026-01-15T09:00:00Z',
    source: '/commission-calculation',
    subject: key,
    key,
    correlationId: id,
    actor: 'service:commission-calculation',
  };
}

/** Earnings from a deal `crm|…` with one line per basis; `parts` apply to every line. */
export function earning(
  payee: string,
  deal: string,
  revision: number,
  bases: readonly string[],
  parts: Partial<LedgerLine> = {},
): TopicMessage {
  const stream = `earning-${payee}|resellers`;
  const lines = bases.map((basis, index) => line(basis, { line: `booked|${index}`, ...parts, deal }));
  const value = encode(
    'earnings-of-deal',
    { ...attributes(`${stream}:${revision}:${deal}`, payee), stream, revision },
    { payee, plan: 'resellers', currency: 'EUR', calendar: CALENDAR, deal, lines },
  );
  return { topic: TOPICS.commissions, message: { key: payee, value } };
}

export function partner(id: string, revision: number, channel: ChannelType): TopicMessage {
  const value = encode(
    'partner',
    { ...attributes(`partner-${id}:${revision}`, id), source: '/partner-registry', stream: `partner-${id}`, revision },
    { id, name: id, channel, country: 'FR', tiers: [], uplines: [], agreements: [] },
  );
  return { topic: TOPICS.partners, message: { key: id, value } };
}

export function manifest(period: string, [page, pages]: readonly [number, number] = [1, 1], closing = 1): TopicMessage {
  const value = encode('period-manifest', attributes(`manifest:${period}:${page}:${closing}`, CALENDAR), {
    calendar: CALENDAR,
    period,
    closing,
    page,
    pages,
    entries: [],
  });
  return { topic: TOPICS.commissions, message: { key: CALENDAR, value } };
}

/** What commission-calculation announces of the first closing of a period. */
export function closingStep(period: string, step: AnnouncedStep): TopicMessage {
  const data = { calendar: CALENDAR, period, closing: 1, step };
  const value = encode('closing-step', attributes(`step:${period}:${step}`, CALENDAR), data);
  return { topic: TOPICS.commissions, message: { key: CALENDAR, value } };
}
