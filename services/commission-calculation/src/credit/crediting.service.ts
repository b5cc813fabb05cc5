import { Inject, Injectable } from '@nestjs/common';
import type { Deal } from '@tantieme/contracts/deal';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext, Accepted, Refused, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { ExchangeRateCache } from '../reference/cache/exchange-rate-cache.service.js';
import { PartnerCache } from '../reference/cache/partner-cache.service.js';
import type { CurrencyPair } from '../reference/stream/reference-keys.js';
import type { Origin } from '../reference/stream/reference.js';
import { creditDecider, creditStream } from './credit.js';
import type { CreditCommand, CreditEvent, CreditState, CreditView, Waiver } from './credit.js';
import { CREDITS_BYTES_MAX } from '../limits.js';

export type CreditResult = Accepted<CreditState, CreditEvent> | Refused;

export interface DealToCredit {
  readonly deal: Deal;
  readonly origin: Origin;
  readonly at: string;
  readonly context: CommandContext;
}

export interface DealToRecredit {
  /** `source|id` */
  readonly deal: string;
  readonly at: string;
  readonly context: CommandContext;
}

/** Credits deals in batches: first loads what they refer to, then decides each deal by itself. */
@Injectable()
export class Crediting {
  private readonly runtime: Runtime<CreditState, CreditCommand, CreditEvent>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(PartnerCache) private readonly partners: PartnerCache,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
    @Inject(ExchangeRateCache) private readonly rates: ExchangeRateCache,
  ) {
    this.runtime = createRuntime({ store, decider: creditDecider(plans), cacheBytesMax: CREDITS_BYTES_MAX });
  }

  async credit(deals: readonly DealToCredit[]): Promise<readonly CreditResult[]> {
    const view = await this.viewOf(deals.map(({ deal }) => deal));
    return this.runtime.handleMany(
      deals.map(({ deal, origin, at, context }) => ({
        stream: creditStream(`${deal.source}|${deal.id}`),
        command: { type: 'credit', deal, origin, view, at },
        context,
      })),
    );
  }

  /** Credits deals again. A deal for which nothing changes adds no event. */
  async recredit(deals: readonly DealToRecredit[]): Promise<readonly CreditResult[]> {
    const view = await this.viewOf(await Promise.all(deals.map(({ deal }) => this.deal(deal))));
    return this.runtime.handleMany(
      deals.map(({ deal, at, context }) => ({
        stream: creditStream(deal),
        command: { type: 'recredit', view, at },
        context,
      })),
    );
  }

  /** No closing waits for it any longer. @param deal `source|id` */
  async waive(deal: string, waiver: Waiver, at: string, context: CommandContext): Promise<void> {
    await this.runtime.handle(creditStream(deal), { type: 'waive', ...waiver, at }, context);
  }

  /** The deal as it was credited last; undefined for one that never was. @param deal `source|id` */
  async deal(deal: string): Promise<Deal | undefined> {
    return (await this.runtime.load(creditStream(deal))).state.deal;
  }

  /** Loads what the deals refer to. */
  private async viewOf(deals: readonly (Deal | undefined)[]): Promise<CreditView> {
    const ids = new Set(deals.flatMap(partnersOf));
    const partners = await this.partners.load(ids);
    const plans = new Set([...ids].flatMap((id) => partners.find(id)?.plans ?? []));
    await this.plans.ensure(plans);
    const currencies = new Set(deals.flatMap((deal) => deal?.terms?.currency ?? []));
    const rates = await this.rates.load(this.pairsOf(currencies, plans));
    return {
      partner: (id) => partners.find(id),
      plan: (id) => this.plans.find(id),
      exchangeRate: (base, quote) => rates.find(base, quote),
    };
  }

  /** The pairs of a deal's currency and a plan's currency. */
  private pairsOf(currencies: ReadonlySet<string>, plans: ReadonlySet<string>): readonly CurrencyPair[] {
    const quotes = new Set([...plans].flatMap((id) => this.plans.find(id)?.versions.at(-1)?.plan.currency ?? []));
    return [...currencies].flatMap((base) =>
      [...quotes].filter((quote) => quote !== base).map((quote) => ({ base, quote })),
    );
  }
}

function partnersOf(deal: Deal | undefined): readonly string[] {
  return (deal?.terms?.partners ?? []).map(({ partner }) => partner);
}
