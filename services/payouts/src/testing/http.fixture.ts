/** The payouts service alone, and messages as its upstream services publish them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { encode } from '@tantieme/contracts/envelope';
import type { LedgerLine, ManifestEntry } from '@tantieme/contracts/ledger';
import { ledgerLinesHash } from '@tantieme/contracts/ledger-hash';
import type { Payment } from '@tantieme/contracts/payout';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { TOPICS } from '@tantieme/contracts/topics';
import { parkedIn } from '@tantieme/event-sourcing/testing/parked.fixture';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker, Message, OutgoingMessage } from '@tantieme/messaging/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { createApplication } from '@tantieme/service-kit/application/application';
import { withDocumentedAnswers } from '@tantieme/service-kit/testing/documented-answers.fixture';
import type { Role } from '@tantieme/service-kit/access/auth';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { BROKER, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';

import { PayoutsModule } from '../payouts.module.js';
import type { StatementRunProgress } from '../statement-run/statement-run.dto.js';

export const CALENDAR = 'monthly@Europe/Paris';

export interface TopicMessage {
  readonly topic: string;
  readonly message: OutgoingMessage;
}

interface PublishedMessage {
  readonly type: string;
  readonly data: unknown;
}

export class PayoutsApplication {
  private constructor(
    readonly directory: string,
    readonly application: NestFastifyApplication,
  ) {}

  static async start(directory = mkdtempSync(join(tmpdir(), 'payouts-'))): Promise<PayoutsApplication> {
    const config = loadConfig({}, { dataDirectory: directory, logLevel: 'silent' });
    return new PayoutsApplication(directory, await createApplication(withDocumentedAnswers(PayoutsModule), config));
  }

  async restart(): Promise<PayoutsApplication> {
    await this.application.close();
    return PayoutsApplication.start(this.directory);
  }

  async end(): Promise<void> {
    await this.application.close();
    rmSync(this.directory, { recursive: true });
  }

  get broker(): Broker {
    return this.application.get<Broker>(BROKER);
  }

  async publish(messages: readonly TopicMessage[]): Promise<void> {
    for (const { topic, message } of messages) await this.broker.publish(topic, [message]);
  }

  async call(
    method: 'GET' | 'POST',
    url: string,
    role: Role = 'finance',
    { body, partner, accept }: { body?: object; partner?: string; accept?: string } = {},
  ) {
    const token = await mintToken(
      omitUndefined({ dataDirectory: this.directory, subject: `${role}-1`, roles: [role], partner }),
    );
    const answer = await this.application.inject({
      method,
      url,
      headers: omitUndefined({ authorization: `Bearer ${token}`, accept }),
      ...omitUndefined({ payload: body }),
    });
    return { status: answer.statusCode, text: answer.body, headers: answer.headers };
  }

  /** The body of the answer; the caller names its type. */
  async json<Body>(...parameters: Parameters<PayoutsApplication['call']>): Promise<Body> {
    return JSON.parse((await this.call(...parameters)).text) as Body;
  }

  async until(condition: () => Promise<boolean>): Promise<void> {
    for (let waitedMs = 0; !(await condition()); waitedMs += 20) {
      if (waitedMs > 20_000) throw new Error(`still false after 20 s: ${condition.toString()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  statementRun(period: string): Promise<StatementRunProgress> {
    return this.json('GET', `/statement-runs/${encodeURIComponent(CALENDAR)}/${period}`);
  }

  issued(period: string): Promise<void> {
    return this.until(async () => (await this.statementRun(period)).state === 'issued');
  }

  /** The published messages, once there are at least `count`. */
  async published(count: number): Promise<readonly PublishedMessage[]> {
    return (await this.messages(TOPICS.payouts, count)).map(({ value }) => JSON.parse(value) as PublishedMessage);
  }

  /** The reasons why messages were parked, once there are at least `count`. */
  async parked(count: number): Promise<readonly string[]> {
    let reasons: readonly string[] = [];
    await this.until(async () => {
      reasons = (await parkedIn(this.application.get<EventStore>(EVENT_STORE))).map(({ reason }) => reason);
      return reasons.length >= count;
    });
    return reasons;
  }

  private async messages(topic: string, count: number): Promise<readonly Message[]> {
    let messages: readonly Message[] = [];
    await this.until(async () => {
      messages = await readTopic(this.broker, topic);
      return messages.length >= count;
    });
    return messages;
  }
}

export function earning(
  payee: string,
  deal: string,
  revision: number,
  lines: readonly Partial<LedgerLine>[],
  currency = 'EUR',
): TopicMessage {
  const plan = 'resellers';
  const stream = `earning-${payee}|${plan}`;
  const data = { payee, plan, currency, calendar: CALENDAR, deal, lines: lines.map((one) => lineOf(deal, one)) };
  const value = encode(
    'earnings-of-deal',
    {
      id: `${stream}:${revision}:${deal}`,
      time: '2026-01-15T09:00:00Z',
      source: '/commission-calculation',
      subject: payee,
      key: payee,
      stream,
      revision,
      correlationId: deal,
      actor: 'service:commission-calculation',
    },
    data,
  );
  return { topic: TOPICS.commissions, message: { key: payee, value } };
}

export function lineOf(deal: string, parts: Partial<LedgerLine>): LedgerLine {
  return {
    period: '2026-01',
    origin: parts.period ?? '2026-01',
    plan: 'resellers',
    component: 'hardware',
    deal,
    line: 'booked|1',
    kind: 'earning',
    basis: '1000',
    amount: '40.00',
    ...parts,
  };
}

export function entryOf(
  payee: string,
  lines: readonly LedgerLine[],
  { currency = 'EUR', minimum = currency === 'KRW' ? '0' : '0.00' }: { currency?: string; minimum?: string } = {},
): ManifestEntry {
  const stream = `earning-${payee}|resellers`;
  return { stream, payee, currency, lines: lines.length, minimum, hash: ledgerLinesHash(lines) };
}

export function manifest(
  author: '/commission-calculation' | '/rewards',
  period: string,
  entries: readonly ManifestEntry[],
  [page, pages]: readonly [number, number] = [1, 1],
): TopicMessage {
  const value = encode(
    'period-manifest',
    {
      id: `${author}:${period}:${page}`,
      time: '2026-02-03T09:00:00Z',
      source: author,
      subject: CALENDAR,
      key: CALENDAR,
      correlationId: period,
      actor: 'service',
    },
    { calendar: CALENDAR, period, page, pages, entries },
  );
  const topic = author === '/rewards' ? TOPICS.rewards : TOPICS.commissions;
  return { topic, message: { key: CALENDAR, value } };
}

export function payment(data: Payment): TopicMessage {
  const value = encode(
    'payment',
    {
      id: `payment:${data.payout}:${data.revision ?? 0}`,
      time: '2026-02-10T12:00:00Z',
      source: '/bank',
      subject: data.payout,
      key: data.payout,
      correlationId: data.payout,
      actor: 'bank',
    },
    data,
  );
  return { topic: TOPICS.paymentsInbound, message: { key: data.payout, value } };
}
