/** The people and systems outside: they send everything until it is answered, and close, approve and pay. */
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { INestApplicationContext } from '@nestjs/common';
import { PROPOSALS } from '@tantieme/commission-calculation/proposals.service';
import { WaiveDeal } from '@tantieme/commission-calculation/pending-deal/pending-deal.commands';
import { ListPendingDeals } from '@tantieme/commission-calculation/pending-deal/pending-deal.queries';
import { ClosePeriod, ReopenPeriod } from '@tantieme/commission-calculation/period/period.commands';
import type { PeriodRead } from '@tantieme/commission-calculation/period/period.dto';
import { ReadPeriod } from '@tantieme/commission-calculation/period/period.queries';
import { ApprovePlan, DraftPlan, PublishPlan } from '@tantieme/commission-calculation/plan/plan.commands';
import { ListUncreditedDeals } from '@tantieme/commission-calculation/uncredited-deal/uncredited-deal.queries';
import { encode } from '@tantieme/contracts/envelope';
import type { Partner } from '@tantieme/contracts/partner';
import type { Payment, Statement } from '@tantieme/contracts/payout';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { TOPICS } from '@tantieme/contracts/topics';
import { RecordFact } from '@tantieme/deal-ingestion/fact/fact.commands';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { streamOfParked } from '@tantieme/event-sourcing/parking/parked';
import { OPEN_STATUSES } from '@tantieme/event-sourcing/parking/parked.projection';
import type { ParkedTables } from '@tantieme/event-sourcing/parking/parked.projection';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { Broker } from '@tantieme/messaging/broker';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { ChangePartner } from '@tantieme/partner-registry/partner/partner.commands';
import { ListBalances } from '@tantieme/payouts/balance/balance.queries';
import { ListPayments } from '@tantieme/payouts/payment/payment.queries';
import { RecordPayment } from '@tantieme/payouts/payment/record-payment.commands';
import { ListPayouts } from '@tantieme/payouts/payout/payout.queries';
import { ApprovePeriod } from '@tantieme/payouts/statement/approve-period.commands';
import { ExportStatements } from '@tantieme/payouts/statement/statement.queries';
import { PublishProgramme } from '@tantieme/rewards/programme/programme.commands';
import type { Role } from '@tantieme/service-kit/access/auth';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { Proposals } from '@tantieme/service-kit/two-people/proposals';
import type { Machine, Simulation } from '@tantieme/simulation/simulation';
import type { Kysely } from 'kysely';

import type { Period, Phase, Scenario } from './scenario.js';

/** A request without an answer is sent again after this time; a closing waits for facts that are on their way. */
const TIMEOUT_MS = 10_000;
const CLOSING_TIMEOUT_MS = 60_000;

/** The pause before a request is sent again that was refused for a reason that passes. */
const RETRY_MS = 500;

/** Systems that send facts at the same time. */
const SENDERS = 6;

const SENT_AGAIN_SHARE = 0.2;

/** How often the proposer tries to confirm too. */
const SAME_PERSON_SHARE = 0.2;

/** How often a period is reopened without waiting for the end of its closing. */
const REOPENED_EARLY_SHARE = 0.3;

/** More than any list of a scenario holds. */
const LIST_LIMIT = 1000;

type Server = INestApplicationContext;

export class Client {
  private readonly machine: Machine;

  constructor(
    private readonly simulation: Simulation,
    private readonly scenario: Scenario,
    /** A server that is running; undefined while there is none. */
    private readonly server: () => Server | undefined,
  ) {
    this.machine = simulation.machine('client');
  }

  /** The whole story. Resolves when everything is closed, approved and paid. */
  async play(): Promise<void> {
    const { partners, programme, phases } = this.scenario;
    const setUp = [
      ...partners.map((partner) => this.change(partner)),
      () => this.publishPlans(),
      this.commandOf('programme', (context) => new PublishProgramme(programme, context), ['ProgrammePublished']),
    ];
    for (const [index, phase] of phases.entries()) {
      await this.all([...(index === 0 ? setUp : []), ...this.sent(phase.facts)]);
      await this.all((phase.waived ?? []).map((deal) => () => this.waive(deal)));
      await Promise.all([
        this.all([...this.sent(phase.during ?? []), ...(phase.changed ?? []).map((one) => this.change(one, 'again'))]),
        ...phase.closings.map((period) => this.close(period)),
      ]);
      if (phase.reopened !== undefined) {
        const { facts, closings } = phase.reopened;
        await Promise.all([this.all(this.sent(facts)), ...closings.map((period) => this.reopen(period))]);
        await Promise.all(closings.map((period) => this.close(period, ' again')));
      }
      await this.settle(phase);
    }
  }

  /** What the world answers at the end: equal for all histories of the same facts. */
  async answers(): Promise<string> {
    const { phases } = this.scenario;
    const documents: string[] = [];
    for (const period of phases.flatMap(({ closings }) => closings)) documents.push(...(await this.export(period)));
    const lists = [
      new ListUncreditedDeals({}, LIST_LIMIT, undefined),
      new ListPendingDeals({}, 'deal', LIST_LIMIT, undefined),
    ];
    // Facts that arrive during a closing count in one period or the next: only the sums are the same.
    if (phases.some(({ during }) => during !== undefined))
      return [sumsOf(documents), ...(await Promise.all(lists.map((query) => this.list(query))))].join('\n');
    const money = [ListPayouts, ListPayments, ListBalances].map((List) => new List({}, LIST_LIMIT, undefined));
    return [...documents, ...(await Promise.all([...lists, ...money].map((query) => this.list(query))))].join('\n');
  }

  private sent(facts: readonly unknown[]): readonly (() => Promise<unknown>)[] {
    return facts.flatMap((fact) => {
      return this.again(this.commandOf('fact', (context) => new RecordFact(fact, context)));
    });
  }

  /** Some things are sent twice. */
  private again<Task>(task: Task): readonly Task[] {
    return this.simulation.chance(SENT_AGAIN_SHARE) ? [task, task] : [task];
  }

  private change(partner: Partner, time = ''): () => Promise<void> {
    const make = (context: RequestContext): object =>
      new ChangePartner(partner.id, { kind: 'document', partner }, context);
    return this.commandOf(`partner ${partner.id} ${time}`, make);
  }

  private async publishPlans(): Promise<void> {
    const done = ['PlanApproved', 'PlanPublished', 'PlanVersionRefused'];
    const versions = new Map<string, number>();
    for (const { plan, text, from } of this.scenario.plans) {
      const version = (versions.get(plan) ?? 0) + 1;
      versions.set(plan, version);
      const approver = (context: RequestContext): RequestContext => ({ ...context, actor: 'approver' });
      for (const step of [
        this.commandOf('draft', (context) => new DraftPlan(text, context), done),
        this.commandOf('approve', (context) => new ApprovePlan(plan, version, approver(context)), done),
        this.commandOf('publish', (context) => new PublishPlan(plan, version, from, approver(context)), done),
      ])
        await step();
    }
  }

  private waive(deal: string): Promise<void> {
    return this.decideByTwo(`waive ${deal}`, (context) => new WaiveDeal(deal, 'unknown partner', context));
  }

  private close([calendar, period]: Period, time = ''): Promise<void> {
    const make = (context: RequestContext): object => new ClosePeriod(calendar, period, undefined, context);
    return this.decideByTwo(`close ${calendar} ${period}${time}`, make, ['PeriodClosed', 'ClosingInProgress']);
  }

  /** Before the seal, a reopening stops the closing; between the seal and the end it is refused for a while. */
  private async reopen([calendar, period]: Period): Promise<void> {
    if (!this.simulation.chance(REOPENED_EARLY_SHARE))
      await this.ask(`closed ${period}`, async (server) => {
        const read = await server.get(QueryBus).execute<ReadPeriod, PeriodRead>(new ReadPeriod(calendar, period));
        if (read.state !== 'closed') throw new Error(`${period} is ${read.state}`);
      });
    const make = (context: RequestContext): object => new ReopenPeriod(calendar, period, 'late deals', context);
    const done = ['PeriodNotClosed', 'ReopeningInProgress', 'LaterPeriodReopened'];
    await this.decideByTwo(`reopen ${calendar} ${period}`, make, done);
  }

  /** One person proposes, another confirms. @param done codes of refusals that mean an earlier try took effect */
  private async decideByTwo(
    cause: string,
    propose: (context: RequestContext) => object,
    done: readonly string[] = [],
  ): Promise<void> {
    let before: string | undefined;
    const attempt = async (server: Server): Promise<void> => {
      const proposals = server.get<Proposals>(PROPOSALS);
      const confirm = (id: string, subject: string, role: Role): Promise<Proposal> => {
        const context = { actor: subject, correlationId: cause, cause };
        return proposals.confirm(id, { subject, roles: [role] }, context);
      };
      if (before !== undefined && (await proposals.find(before)).state === 'done') return;
      const command = propose({ actor: 'finance', correlationId: cause, cause });
      const { id } = await server.get(CommandBus).execute<object, Proposal>(command);
      before = id;
      if (this.simulation.chance(SAME_PERSON_SHARE)) {
        const refusal = await confirm(id, ' FINANCE', 'finance').catch((error: unknown) => error);
        if (!(refusal instanceof Error))
          throw new DomainError('SecondPersonMissing', `${id} was confirmed by its author`);
        if (!(refusal instanceof DomainError && refusal.code === 'SecondPersonNeeded')) throw refusal;
      }
      const { state } = await confirm(id, 'approver', 'approver');
      if (state !== 'done') throw new Error(`${id} is ${state}`);
    };
    await this.ask(cause, (server) => attempt(server).catch(unlessDone(done)), CLOSING_TIMEOUT_MS);
  }

  /** Approvals, and the answers of finance: some payments come too early, some fail first. */
  private async settle({ closings, early }: Phase): Promise<void> {
    if (early !== undefined) await this.payTooEarly(early);
    for (const period of closings) {
      const approve = this.ask(`approve ${period.join(' ')}`, (server) => {
        const context = { actor: 'approver', correlationId: 'approval', cause: `approve ${period.join(' ')}` };
        return server
          .get(CommandBus)
          .execute<ApprovePeriod, { readonly statements: number }>(new ApprovePeriod(...period, context));
      });
      const documents = await this.export(period, (await approve).statements);
      await this.retryParked();
      const due = documents
        .map((text) => JSON.parse(text) as Statement)
        .filter(({ payable }) => !/^[0.]*$/.test(payable));
      await this.all(due.flatMap((statement, index) => this.again(() => this.pay(statement, index % 2 === 1))));
    }
  }

  private async pay({ id, payable, currency }: Statement, failsFirst: boolean): Promise<void> {
    const common = { payout: `payout|${id}`, on: '2026-04-03' };
    const payments: readonly Payment[] = [
      ...(failsFirst ? [{ ...common, revision: 1, state: 'failed', reason: 'account closed' } as const] : []),
      { ...common, revision: 2, state: 'settled', amount: payable, currency },
    ];
    for (const payment of payments)
      await this.commandOf(`payment ${payment.revision} ${id}`, (context) => new RecordPayment(payment, context))();
  }

  /** A message about a payout that nobody has approved yet: it is parked. */
  private async payTooEarly(statement: string): Promise<void> {
    const payout = `payout|${statement}`;
    const value = encode(
      'payment',
      {
        id: payout,
        time: '2026-04-02T09:00:00Z',
        source: '/bank',
        subject: payout,
        key: payout,
        correlationId: payout,
        actor: 'bank',
      },
      { payout, on: '2026-04-02', state: 'failed', reason: 'account unknown' },
    );
    await this.ask('publish a payment', (server) =>
      server.get<Broker>(BROKER).publish(TOPICS.paymentsInbound, [{ key: payout, value }]),
    );
    await this.ask('parked', async (server) => {
      if ((await openItems(server)).length === 0) throw new Error('nothing is parked yet');
    });
  }

  private retryParked(): Promise<void> {
    return this.ask('retry what is parked', async (server) => {
      const open = await openItems(server);
      for (const { id } of open)
        await server
          .get(Background)
          .parking.runtime.handle(
            streamOfParked(id),
            { type: 'request-retry', at: '2026-04-03T09:00:00Z', by: 'finance' },
            { actor: 'finance', correlationId: id, cause: `retry ${id} ${this.simulation.steps}` },
          );
      if (open.length > 0) throw new Error('the answers are open');
    });
  }

  /** @param count how many statements there have to be */
  private export(period: Period, count = 0): Promise<readonly string[]> {
    return this.ask(`export ${period.join(' ')}`, async (server) => {
      const documents: string[] = [];
      const query = new ExportStatements(...period, undefined);
      for await (const line of await server.get(QueryBus).execute<ExportStatements, AsyncGenerator<string>>(query))
        documents.push(line);
      if (documents.length < count) throw new Error('the read model has not seen all statements');
      return documents;
    });
  }

  /** In an order that does not depend on the order of the events. */
  private list(query: object): Promise<string> {
    return this.ask(query.constructor.name, async (server) => {
      const { items } = await server.get(QueryBus).execute<object, { readonly items: readonly object[] }>(query);
      // When a deal began to wait depends on the clock.
      const rows = items.map((item) => canonicalJson(omitUndefined({ ...item, since: undefined })));
      return [query.constructor.name, ...rows.toSorted()].join('\n');
    });
  }

  /** @param done codes of refusals that mean an earlier try took effect */
  private commandOf(
    cause: string,
    make: (context: RequestContext) => object,
    done: readonly string[] = [],
  ): () => Promise<void> {
    const context = { actor: 'client', correlationId: cause, cause };
    return () =>
      this.ask(cause, async (server) => {
        await server.get(CommandBus).execute(make(context)).catch(unlessDone(done));
      });
  }

  /** Sends a request again until it is answered. */
  private async ask<Answer>(
    label: string,
    request: (server: Server) => Promise<Answer>,
    timeoutMs = TIMEOUT_MS,
  ): Promise<Answer> {
    for (;;) {
      await this.simulation.turn(this.machine, label);
      const server = this.server();
      if (server !== undefined) {
        const answered = new AbortController();
        const result = await Promise.race([
          request(server).then(
            (answer) => ({ answer }),
            // A mistake of the scenario: trying again does not help.
            (error: unknown) => (error instanceof DomainError && error.kind === 'invalid' ? { error } : undefined),
          ),
          this.simulation.wait(this.machine, timeoutMs, answered.signal).then(() => undefined),
        ]);
        answered.abort('answered');
        if (result !== undefined && 'error' in result) throw result.error;
        if (result !== undefined) return result.answer;
      }
      await this.simulation.wait(this.machine, RETRY_MS);
    }
  }

  /** In any order, several at the same time. */
  private async all(tasks: readonly (() => Promise<unknown>)[]): Promise<void> {
    const left = [...tasks];
    const next = (): (() => Promise<unknown>) | undefined => left.splice(this.simulation.pick(left.length || 1), 1)[0];
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        for (let task = next(); task !== undefined; task = next()) await task();
      }),
    );
  }
}

function unlessDone(codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof DomainError && codes.includes(error.code))) throw error;
  };
}

function openItems(server: Server): Promise<readonly { readonly id: string }[]> {
  const db = server.get<Kysely<ParkedTables>>(DATABASE);
  return db.selectFrom('parked_items').select('id').where('status', 'in', OPEN_STATUSES).orderBy('id').execute();
}

/** What each line of each deal pays, whatever the statements that it is on. */
function sumsOf(documents: readonly string[]): string {
  const sums = new Map<string, bigint>();
  for (const text of documents) {
    const { payee, currency, lines } = JSON.parse(text) as Statement;
    for (const { origin, plan, component, deal, line, amount } of lines) {
      const key = [payee, currency, origin, plan, component, deal, line].join(' ');
      sums.set(key, (sums.get(key) ?? 0n) + parseAmount(amount, currency));
    }
  }
  return [...sums]
    .filter(([, minor]) => minor !== 0n)
    .map(([key, minor]) => `${key} ${formatAmount(minor, key.split(' ')[1] ?? '')}`)
    .toSorted()
    .join('\n');
}
