/** The people and systems outside: they send everything until it is answered, and close, approve and pay. */
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { INestApplicationContext } from '@nestjs/common';
import { ClosePeriod } from '@tantieme/commission-calculation/period/period.commands';
import { ApprovePlan, DraftPlan, PublishPlan } from '@tantieme/commission-calculation/plan/plan.commands';
import { PROPOSALS } from '@tantieme/commission-calculation/proposals.service';
import { RecordFact } from '@tantieme/deal-ingestion/fact/fact.commands';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { ChangePartner } from '@tantieme/partner-registry/partner/partner.commands';
import { ApprovePeriod } from '@tantieme/payouts/statement/approve-period.commands';
import { ExportStatements } from '@tantieme/payouts/statement/statement.queries';
import { PublishProgramme } from '@tantieme/rewards/programme/programme.commands';
import type { Principal } from '@tantieme/service-kit/access/auth';
import type { Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { Proposals } from '@tantieme/service-kit/two-people/proposals';
import type { Machine, Simulation } from '@tantieme/simulation/simulation';

import { CALENDAR, PARTNERS, PERIODS, PHASES, PLAN, PROGRAMME } from './scenario.js';

/** A request without an answer is sent again after this time. */
const TIMEOUT_MS = 10_000;

/** The pause before a request is sent again that was refused for a reason that passes. */
const RETRY_MS = 200;

/** Systems that send facts at the same time. */
const SENDERS = 3;

const SENT_AGAIN_SHARE = 0.2;

export class Client {
  private readonly machine: Machine;

  constructor(
    private readonly simulation: Simulation,
    /** A server that is running; undefined while there is none. */
    private readonly server: () => INestApplicationContext | undefined,
  ) {
    this.machine = simulation.machine('client');
  }

  /** The whole story. Resolves when the last period is approved. */
  async play(): Promise<void> {
    const setUp = [
      ...PARTNERS.map((_, index) => () => this.register(index)),
      () => this.publishPlan(),
      () => this.publishProgramme(),
    ];
    for (const [phase, facts] of PHASES.entries()) {
      const sent = facts.flatMap((fact) => {
        const send = (): Promise<unknown> =>
          this.command(`fact ${fact.deal} ${fact.kind}`, (context) => new RecordFact(fact, context));
        return this.simulation.chance(SENT_AGAIN_SHARE) ? [send, send] : [send];
      });
      await this.all(this.shuffled(phase === 0 ? [...setUp, ...sent] : sent));
      const period = PERIODS[phase] ?? '';
      await this.close(period);
      await this.command(
        `approve ${period}`,
        (context) => new ApprovePeriod(CALENDAR, period, { ...context, actor: 'approver' }),
      );
    }
  }

  /** The canonical statements of all periods. */
  async statements(): Promise<string> {
    let text = '';
    for (const period of PERIODS) {
      const documents = await this.ask(`export ${period}`, async (server) => {
        const lines: string[] = [];
        const query = new ExportStatements(CALENDAR, period, undefined);
        for await (const line of await server.get(QueryBus).execute<ExportStatements, AsyncGenerator<string>>(query))
          lines.push(line);
        return lines;
      });
      text += documents.join('');
    }
    return text;
  }

  /** One person proposes the closing, another confirms it. */
  private async close(period: string): Promise<void> {
    const isClosing = ['PeriodClosed', 'ClosingInProgress'];
    const context = { actor: 'finance', correlationId: `close ${period}`, cause: `close ${period}` };
    await this.ask(`close ${period}`, async (server) => {
      try {
        const { id } = await server
          .get(CommandBus)
          .execute<ClosePeriod, Proposal>(new ClosePeriod(CALENDAR, period, undefined, context));
        const approver: Principal = { subject: 'approver', roles: ['approver'] };
        await server.get<Proposals>(PROPOSALS).confirm(id, approver, { ...context, actor: approver.subject });
      } catch (error) {
        if (!(error instanceof DomainError && isClosing.includes(error.code))) throw error;
      }
    });
  }

  private async register(index: number): Promise<void> {
    const partner = PARTNERS[index];
    if (partner === undefined) return;
    await this.command(
      `partner ${partner.id}`,
      (context) => new ChangePartner(partner.id, { kind: 'document', partner }, context),
    );
  }

  private async publishPlan(): Promise<void> {
    const done = ['PlanApproved', 'PlanPublished', 'PlanVersionRefused'];
    await this.command('draft plan', (context) => new DraftPlan(PLAN, context), done);
    await this.command(
      'approve plan',
      (context) => new ApprovePlan('resellers', 1, { ...context, actor: 'approver' }),
      done,
    );
    await this.command(
      'publish plan',
      (context) => new PublishPlan('resellers', 1, '2026-01-01', { ...context, actor: 'approver' }),
      done,
    );
  }

  private async publishProgramme(): Promise<void> {
    await this.command('programme', (context) => new PublishProgramme(PROGRAMME, context), ['ProgrammePublished']);
  }

  /** @param done codes of refusals that mean an earlier try took effect */
  private command(
    cause: string,
    make: (context: CommandContext) => object,
    done: readonly string[] = [],
  ): Promise<void> {
    const context = { actor: 'client', correlationId: cause, cause };
    return this.ask(cause, async (server) => {
      try {
        await server.get(CommandBus).execute(make(context));
      } catch (error) {
        if (error instanceof DomainError && done.includes(error.code)) return;
        throw error;
      }
    });
  }

  /** Sends a request again until it is answered. */
  private async ask<Answer>(
    label: string,
    request: (server: INestApplicationContext) => Promise<Answer>,
  ): Promise<Answer> {
    for (;;) {
      await this.simulation.turn(this.machine, label);
      const server = this.server();
      if (server !== undefined) {
        const answered = request(server).then(
          (answer) => ({ answer }),
          (error: unknown) => {
            // A mistake of the scenario: trying again does not help.
            if (error instanceof DomainError && error.kind === 'invalid') return { error };
            return undefined;
          },
        );
        const late = this.simulation.wait(this.machine, TIMEOUT_MS).then(() => undefined);
        const result = await Promise.race([answered, late]);
        if (result !== undefined && 'error' in result) throw result.error;
        if (result !== undefined) return result.answer;
      }
      await this.simulation.wait(this.machine, RETRY_MS);
    }
  }

  private async all(tasks: readonly (() => Promise<unknown>)[]): Promise<void> {
    const left = [...tasks];
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        for (let task = left.shift(); task !== undefined; task = left.shift()) await task();
      }),
    );
  }

  private shuffled<Item>(items: readonly Item[]): readonly Item[] {
    const left = [...items];
    return items.map(() => left.splice(this.simulation.pick(left.length), 1)[0] as Item);
  }
}
