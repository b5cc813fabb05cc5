import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { explainLine, linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { requireDeal } from '@tantieme/commission-engine/incremental/loaded';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { formatAmount } from '@tantieme/money/amount';
import { wholeEvents } from '@tantieme/event-store/run';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { creditStream, CREDIT_EVENTS, usedPartners } from '../credit/credit.js';
import type { CreditEvent } from '../credit/credit.js';
import { Crediting } from '../credit/crediting.service.js';
import { withBooks } from '../earning/book-entries.js';
import { earningStream, postingOf } from '../earning/earning.js';
import type { EarningState } from '../earning/earning.js';
import { EARNING_RUNTIME } from '../earning/earning.service.js';
import type { EarningRuntime } from '../earning/earning.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { explanationText, forPartner } from './explanation.js';
import type { ExplainedCredit, ExplainedLine, ExplainedSource, Explanation } from './explanation.js';

export class ExplainLine {
  constructor(
    readonly payee: string,
    readonly plan: string,
    readonly component: string,
    /** `source|id` */
    readonly deal: string,
    /** `occurrence|line` */
    readonly line: string,
    /** Partners see neither the terms of other partners nor costs of the deal. */
    readonly audience: 'partner' | 'internal',
  ) {}
}

@QueryHandler(ExplainLine)
export class ExplainLineHandler implements IQueryHandler<ExplainLine, Explanation> {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
    @Inject(Crediting) private readonly crediting: Crediting,
    @Inject(EARNING_RUNTIME) private readonly earnings: EarningRuntime,
  ) {}

  /** @throws {DomainError} `LineUnknown` */
  async execute({ payee, plan, component, deal, line, audience }: ExplainLine): Promise<Explanation> {
    await this.plans.ensure([plan]);
    const { currency, posted, earned } = await this.earnings.read(earningStream(payee, plan), (state) =>
      withBooks(() => this.linesOf(state, component, deal, line)),
    );
    if (posted.length === 0 && earned.length === 0)
      throw new DomainError(
        'LineUnknown',
        `${payee} has no line ${line} of ${component} (${plan}) for the deal ${deal}; GET /earnings lists the deal's lines`,
        'not-found',
      );
    const explanation = omitUndefined({
      payee,
      plan,
      currency,
      posted,
      earned,
      credit: await this.creditOf(payee, plan, deal),
      source: await this.sourceOf(deal, line),
    });
    const visible = audience === 'partner' ? forPartner(explanation) : explanation;
    return { ...visible, text: explanationText(visible, this.plans.find(plan)) };
  }

  private linesOf(
    state: EarningState,
    component: string,
    deal: string,
    line: string,
  ): Pick<Explanation, 'currency' | 'posted' | 'earned'> {
    requireDeal(state.engine, deal);
    const currency = state.plan?.currency ?? '';
    const posted = postingOf(state, deal).filter((one) => one.component === component && one.line === line);
    const earned = linesOfDeal(state.engine, deal).flatMap(({ line: credited, amountMinor }): ExplainedLine[] => {
      if (credited.component !== component || `${credited.occurrence}|${credited.line}` !== line) return [];
      const trace = explainLine(state.engine, deal, lineKey(credited), this.plans);
      return trace === undefined ? [] : [{ line: credited, amount: formatAmount(amountMinor, currency), trace }];
    });
    return { currency, posted, earned };
  }

  /** The last credit of the deal that changed the payee's part. */
  private async creditOf(payee: string, plan: string, deal: string): Promise<ExplainedCredit | undefined> {
    const newestFirst = await this.store.readStream(creditStream(deal), { direction: 'backwards' });
    for (const stored of await wholeEvents(this.store, newestFirst)) {
      const { type, data } = domainEventOf<CreditEvent>(stored, CREDIT_EVENTS);
      if (type !== 'DealCredited' || !data.credits.some((credit) => credit.payee === payee && credit.plan === plan))
        continue;
      return {
        stream: stored.stream,
        revision: stored.revision,
        number: data.number,
        partners: usedPartners(data.input),
      };
    }
    return undefined;
  }

  private async sourceOf(deal: string, line: string): Promise<ExplainedSource | undefined> {
    const document = await this.crediting.deal(deal);
    const lineId = line.slice(line.indexOf('|') + 1);
    return document && omitUndefined({ deal: document, line: document.terms?.lines.find(({ id }) => id === lineId) });
  }
}
