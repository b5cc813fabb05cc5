import { Inject, Injectable } from '@nestjs/common';
import type { PayeeTerms } from '@tantieme/commission-engine/earn/payee-terms';
import { needsPayeeTerms } from '@tantieme/commission-engine/incremental/period-end';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Partner } from '@tantieme/contracts/partner';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { Calendars } from '../calendar/calendars.service.js';
import type { PayeeTermsListener } from '../credit/deal-dependencies.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { plansOfPartner } from '../reference/facts/partner.js';
import { quotasInForce } from '../reference/facts/quota.js';
import { partnerOfStream, partnerStream, quotaStream, REFERENCE } from '../reference/stream/reference-keys.js';
import { REFERENCE_RUNTIME } from '../reference/stream/reference-runtime.service.js';
import type { ReferenceRuntime } from '../reference/stream/reference-runtime.service.js';
import { earningStream } from './earning.js';
import type { EarningCommand } from './earning.js';
import { EARNING_RUNTIME } from './earning.service.js';
import type { EarningRuntime } from './earning.service.js';

interface PayeeOfPlan {
  readonly payee: string;
  readonly plan: string;
}

/** Events per page when all partners are read. */
const PAGE_EVENTS = 500;

/**
 * Brings agreements and quotas to the earning streams of plans that need them. After a fact about a payee or a plan,
 * the affected streams receive all current terms; terms that they have already add nothing.
 */
@Injectable()
export class PayeeTermsUpdates implements PayeeTermsListener {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(REFERENCE_RUNTIME) private readonly references: ReferenceRuntime,
    @Inject(EARNING_RUNTIME) private readonly earnings: EarningRuntime,
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
  ) {}

  /** After facts about partners. */
  async updatePartners(ids: readonly string[], at: string, context: CommandContext): Promise<void> {
    const payees: PayeeOfPlan[] = [];
    for (const payee of new Set(ids)) {
      const partner = await this.partner(payee);
      if (partner !== undefined) for (const plan of plansOfPartner(partner)) payees.push({ payee, plan });
    }
    await this.update(payees, at, context);
  }

  /** After a new version or the end of a plan: all partners that ever agreed to it. */
  async updatePlan(plan: string, at: string, context: CommandContext): Promise<void> {
    if (!this.needsTerms(plan)) return;
    for (let after = 0n, end = false; !end;) {
      const page = await this.store.readAll({ after, filter: { categories: [REFERENCE] }, limit: PAGE_EVENTS });
      const snapshots = page.events.filter(({ type }) => type === 'PartnerSnapshotReceived');
      const agreed: PayeeOfPlan[] = [];
      for (const payee of new Set(snapshots.map(({ stream }) => partnerOfStream(stream)))) {
        const partner = await this.partner(payee);
        if (partner !== undefined && plansOfPartner(partner).includes(plan)) agreed.push({ payee, plan });
      }
      await this.update(agreed, at, context);
      after = page.through;
      end = page.end;
    }
  }

  /** Brings the current terms of payees to their earning streams. */
  async update(payees: readonly PayeeOfPlan[], at: string, context: CommandContext): Promise<void> {
    await this.plans.ensure(payees.map(({ plan }) => plan));
    const affected = payees.filter(({ plan }) => this.needsTerms(plan));
    if (affected.length === 0) return;
    const openFrom = await this.calendars.openPeriods(affected.map(({ plan }) => this.plans.newest(plan).calendarKey));
    const work: Work<Extract<EarningCommand, { readonly type: 'receive-payee-terms' }>>[] = [];
    for (const { payee, plan } of affected) {
      const { currency, calendarKey: calendar } = this.plans.newest(plan);
      work.push({
        stream: earningStream(payee, plan),
        command: {
          type: 'receive-payee-terms',
          currency,
          calendar,
          ...(await this.termsOf(payee, plan)),
          openFrom: openFrom.get(calendar) ?? null,
          at,
        },
        context: { ...context, cause: `${context.cause} ${payee}|${plan}` },
      });
    }
    for (const result of await this.earnings.handleMany(work)) if (result.outcome === 'refused') throw result.error;
  }

  private async termsOf(payee: string, plan: string): Promise<Pick<PayeeTerms, 'agreements' | 'quotas'>> {
    const agreements = agreementsTo(plan, await this.partner(payee));
    const { quotas } = (await this.references.load(quotaStream(payee, plan))).state;
    return { agreements, quotas: quotasInForce([...(quotas?.values() ?? [])]) };
  }

  private async partner(id: string): Promise<Partner | undefined> {
    return (await this.references.load(partnerStream(id))).state.partner;
  }

  private needsTerms(plan: string): boolean {
    return (this.plans.find(plan)?.versions ?? []).some((version) => needsPayeeTerms(version.plan));
  }
}

function agreementsTo(plan: string, partner: Partner | undefined): PayeeTerms['agreements'] {
  return (partner?.agreements ?? [])
    .filter((agreement) => agreement.plan === plan)
    .map(({ from, until }) => omitUndefined({ from, until }));
}
