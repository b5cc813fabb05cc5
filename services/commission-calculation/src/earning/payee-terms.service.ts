/**
 * What earning streams have to know of their payee besides its lines: agreements and quotas, where the plan asks for them. A
 * fact about a payee or a plan brings all that is known now to the streams that it touches; saying the same again adds nothing.
 */
import type { PayeeTerms } from '@tantieme/commission-engine/earn/payee-terms';
import { needsPayeeTerms } from '@tantieme/commission-engine/incremental/period-end';
import type { Partner } from '@tantieme/contracts/partner';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { earningStream } from './earning.js';
import type { EarningCommand } from './earning.js';
import { quotasInForce } from '../reference/facts/quota.js';
import { partnerOfStream, plansOfPartner, quotaStream, REFERENCE, referenceStream } from '../reference/reference.js';
import type { Earning, EarningRuntime } from './earning.service.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';
import type { ReferenceRuntime } from '../reference/reference-recorder.service.js';

/** A payee under a plan. */
export interface Payee {
  readonly payee: string;
  readonly plan: string;
}

/** Events a page where all partners are gone through. */
const PAGE_EVENTS = 500;

export class Accounts {
  constructor(
    private readonly store: EventStore,
    private readonly references: ReferenceRuntime,
    private readonly earnings: EarningRuntime,
    private readonly earning: Earning,
    private readonly plans: PlanCatalog,
  ) {}

  /** After facts about partners. */
  async ofPartners(ids: readonly string[], at: string, context: CommandContext): Promise<void> {
    const payees: Payee[] = [];
    for (const id of new Set(ids)) {
      const { partner } = (await this.references.load(referenceStream(id))).state;
      if (partner !== undefined) for (const plan of plansOfPartner(partner)) payees.push({ payee: id, plan });
    }
    await this.bring(payees, at, context);
  }

  /** After a version of a plan: every partner that ever agreed to it. */
  async ofPlan(plan: string, at: string, context: CommandContext): Promise<void> {
    if (!this.asks(plan)) return;
    for (let after = 0n, end = false; !end;) {
      const page = await this.store.readAll({ after, filter: { categories: [REFERENCE] }, limit: PAGE_EVENTS });
      const partners = page.events.filter(({ type }) => type === 'PartnerTaken');
      const ids = [...new Set(partners.map(({ stream }) => partnerOfStream(stream)))];
      const agreed: Payee[] = [];
      for (const id of ids) {
        const { partner } = (await this.references.load(referenceStream(id))).state;
        if (partner !== undefined && plansOfPartner(partner).includes(plan)) agreed.push({ payee: id, plan });
      }
      await this.bring(agreed, at, context);
      after = page.through;
      end = page.end;
    }
  }

  /** Brings all that is known now of payees to their earning streams. */
  async bring(payees: readonly Payee[], at: string, context: CommandContext): Promise<void> {
    await this.plans.ensure(payees.map(({ plan }) => plan));
    const asked = payees.filter(({ plan }) => this.asks(plan));
    if (asked.length === 0) return;
    const openFrom = await this.earning.openPeriods(asked.map(({ plan }) => this.newest(plan).calendarKey));
    const work: Work<EarningCommand>[] = [];
    for (const { payee, plan } of asked) {
      const { currency, calendarKey: calendar } = this.newest(plan);
      const facts = await this.factsOf(payee, plan);
      work.push({
        stream: earningStream(payee, plan),
        command: {
          type: 'take-facts',
          account: { payee, plan, currency, calendar },
          ...facts,
          openFrom: openFrom.get(calendar) ?? null,
          at,
        },
        context: { ...context, cause: `${context.cause} ${payee}|${plan}` },
      });
    }
    for (const [index, result] of (await this.earnings.handleMany(work)).entries()) {
      if (result.outcome === 'refused') throw result.error;
      const { command, context: of } = work[index] ?? {};
      if (result.state.unposted.size > 0 && of !== undefined && command?.type === 'take-facts')
        await this.earning.postRest(result.stream, command.openFrom, at, { ...of, cause: `${of.cause} rest` });
    }
  }

  private async factsOf(payee: string, plan: string): Promise<Pick<PayeeTerms, 'agreements' | 'quotas'>> {
    const { partner } = (await this.references.load(referenceStream(payee))).state;
    const { quotas = new Map() } = (await this.references.load(quotaStream(payee, plan))).state;
    return { agreements: agreementsTo(plan, partner), quotas: quotasInForce([...quotas.values()]) };
  }

  private asks(plan: string): boolean {
    return (this.plans.find(plan)?.versions ?? []).some((version) => needsPayeeTerms(version.plan));
  }

  private newest(plan: string): { readonly currency: string; readonly calendarKey: string } {
    const newest = this.plans.find(plan)?.versions.at(-1);
    if (newest === undefined) throw new Error(`there is no plan ${plan}`);
    return newest.plan;
  }
}

function agreementsTo(plan: string, partner: Partner | undefined): PayeeTerms['agreements'] {
  return (partner?.agreements ?? [])
    .filter((agreement) => agreement.plan === plan)
    .map(({ from, until }) => ({ from, ...(until === undefined ? {} : { until }) }));
}
