/** Credits deals in batches: what they refer to is brought into memory first, then each deal is decided by itself. */
import type { Deal } from '@tantieme/contracts/deal';
import type { CommandContext, Accepted, Refused, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { creditStream } from './credit.js';
import type { CreditCommand, CreditState, CreditView, DealCredited } from './credit.js';
import type { Origin } from '../reference/reference.js';
import type { PartnerCache } from '../reference/partner-cache.service.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';
import type { Pair, ExchangeRateCache } from '../reference/exchange-rate-cache.service.js';

export type CreditRuntime = Runtime<CreditState, CreditCommand, DealCredited>;
export type CreditResult = Accepted<CreditState, DealCredited> | Refused;

export interface DealToCredit {
  readonly deal: Deal;
  readonly origin: Origin;
  readonly at: string;
  readonly context: CommandContext;
}

export interface DealToCreditAgain {
  /** `source|id` */
  readonly deal: string;
  readonly at: string;
  readonly context: CommandContext;
}

export class Crediting {
  private readonly view: CreditView;

  constructor(
    private readonly runtime: CreditRuntime,
    private readonly partners: PartnerCache,
    private readonly plans: PlanCatalog,
    private readonly rates: ExchangeRateCache,
  ) {
    this.view = {
      partner: (id) => partners.find(id),
      plan: (id) => plans.find(id),
      exchangeRate: (base, quote) => rates.find(base, quote),
    };
  }

  async credit(deals: readonly DealToCredit[]): Promise<readonly CreditResult[]> {
    await this.prepare(deals.map(({ deal }) => deal));
    return this.runtime.handleMany(
      deals.map(({ deal, origin, at, context }) => ({
        stream: creditStream(`${deal.source}|${deal.id}`),
        command: { type: 'credit', deal, origin, view: this.view, at },
        context,
      })),
    );
  }

  /** Credits deals that were credited before. One for which nothing changes adds nothing. */
  async creditAgain(deals: readonly DealToCreditAgain[]): Promise<readonly CreditResult[]> {
    const streams = deals.map(({ deal }) => creditStream(deal));
    await this.prepare(await Promise.all(streams.map(async (stream) => (await this.runtime.load(stream)).state.deal)));
    return this.runtime.handleMany(
      deals.map(({ deal, at, context }) => ({
        stream: creditStream(deal),
        command: { type: 'credit-again', view: this.view, at },
        context,
      })),
    );
  }

  private async prepare(deals: readonly (Deal | undefined)[]): Promise<void> {
    const partners = deals.flatMap(partnersOf);
    await this.partners.ensure(partners);
    const plans = new Set<string>();
    for (const id of new Set(partners)) for (const plan of this.partners.find(id)?.plans ?? []) plans.add(plan);
    await this.plans.ensure(plans);
    await this.rates.ensure(this.pairs(new Set(deals.flatMap((deal) => deal?.terms?.currency ?? [])), plans));
  }

  /** What a deal in one of the currencies may have to be converted to under one of the plans. */
  private pairs(currencies: ReadonlySet<string>, plans: ReadonlySet<string>): readonly Pair[] {
    const quotes = new Set([...plans].flatMap((id) => this.plans.find(id)?.versions.at(-1)?.plan.currency ?? []));
    return [...currencies].flatMap((base) =>
      [...quotes].filter((quote) => quote !== base).map((quote) => ({ base, quote })),
    );
  }
}

function partnersOf(deal: Deal | undefined): readonly string[] {
  return (deal?.terms?.partners ?? []).map(({ partner }) => partner);
}
