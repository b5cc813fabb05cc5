import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
import { explainLine, linesOfDeal } from '@tantieme/commission-engine/incremental/earned-lines';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { formatAmount } from '@tantieme/money/amount';
import { creditStream } from '../credit/credit.js';
import type { DealCredited } from '../credit/credit.js';
import { earningStream, postingOf } from './earning.js';
import { explanationText, forPartner } from './explanation.js';
import type { ExplainedLine, Explanation } from './explanation.js';
import { Runtimes } from '../runtimes.service.js';

/** How a ledger line came about. */
export class ExplainLine {
  constructor(
    readonly payee: string,
    readonly plan: string,
    readonly component: string,
    /** `source|id` */
    readonly deal: string,
    /** `occurrence|line` */
    readonly line: string,
    /** A partner is told what concerns them: not the terms of other partners, nor what the deal cost. */
    readonly audience: 'partner' | 'internal',
  ) {}
}

@QueryHandler(ExplainLine)
export class ExplainLineHandler implements IQueryHandler<ExplainLine, Explanation> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `LineUnknown` */
  async execute({ payee, plan, component, deal, line, audience }: ExplainLine): Promise<Explanation> {
    await this.runtimes.planBook.ensure([plan]);
    const known = this.runtimes.planBook.find(plan);
    const { state } = await this.runtimes.earnings.load(earningStream(payee, plan));
    const currency = state.account?.currency ?? '';
    const posted = postingOf(state, deal).filter((one) => one.component === component && one.line === line);
    const earned = linesOfDeal(state.engine, deal).flatMap(({ line: credited, amountMinor }): ExplainedLine[] => {
      if (credited.component !== component || `${credited.occurrence}|${credited.line}` !== line) return [];
      const trace = explainLine(state.engine, deal, lineKey(credited), this.runtimes.planBook);
      return trace === undefined ? [] : [{ line: credited, amount: formatAmount(amountMinor, currency), trace }];
    });
    if (posted.length === 0 && earned.length === 0)
      throw new DomainError(
        'LineUnknown',
        `${payee} has nothing from ${component} of ${plan} for ${deal}, ${line}`,
        'not-found',
      );
    const credit = await this.creditOf(payee, plan, deal);
    const document = (await this.runtimes.credits.load(creditStream(deal))).state.deal;
    const lineId = line.slice(line.indexOf('|') + 1);
    const sourceLine = document?.terms?.lines.find(({ id }) => id === lineId);
    const explanation = {
      payee,
      plan,
      currency,
      posted,
      earned,
      ...(credit === undefined ? {} : { credit }),
      ...(document === undefined
        ? {}
        : { source: { deal: document, ...(sourceLine === undefined ? {} : { line: sourceLine }) } }),
    };
    const told = audience === 'partner' ? forPartner(explanation) : explanation;
    return { ...told, text: explanationText(told, known) };
  }

  /** The newest crediting of the deal that changed what it credits this payee. */
  private async creditOf(payee: string, plan: string, deal: string): Promise<Explanation['credit']> {
    for (const stored of await this.runtimes.store.readStream(creditStream(deal), { direction: 'backwards' })) {
      const { data } = domainEventOf<DealCredited>(stored, {});
      if (!data.credits.some((credit) => credit.payee === payee && credit.plan === plan)) continue;
      const { partners } = data.input;
      return { stream: stored.stream, revision: stored.revision, number: data.number, partners };
    }
    return undefined;
  }
}
