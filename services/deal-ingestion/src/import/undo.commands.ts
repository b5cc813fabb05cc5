/** Undoing an import: withdraws the facts that it brought. */
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { Deal, DealFact, WithdrawnFact } from '@tantieme/contracts/deal';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { dealDecider, dealOf, DEAL_EVENTS } from '../deal/deal.js';
import type { DealFactRecorded } from '../deal/deal.js';
import { identityOf } from '../deal/deal-fact.js';
import { undoOf } from '../deal/facts-in-force.js';
import type { DealState, RecordedFact, UndoOutcome } from '../deal/facts-in-force.js';
import { DEAL_RUNTIME } from '../deal/deal.queries.js';
import type { DealRuntime } from '../deal/deal.queries.js';
import { FactRecorder } from '../fact/fact-recorder.service.js';
import type { FactContext } from '../fact/fact-recorder.service.js';
import { UNDO_PAGE_EVENTS } from '../limits.js';
import { AmountTotals } from './amounts.js';
import { IMPORT_RUNTIME } from './import.commands.js';
import type { ImportRuntime } from './import.commands.js';
import type { UndoneFactLine, UndoResultLine } from './import.dto.js';
import { importStream } from './import.js';

/** A line for each fact that is withdrawn or stays, then the result. */
export type UndoLine = UndoneFactLine | UndoResultLine;

/** Withdraws the facts that an import brought, or lists what that would withdraw. Undoing it again goes on where it broke off. */
@CommandRoles('source', 'operator')
export class UndoImport extends Command<AsyncIterable<UndoLine>> {
  constructor(
    readonly id: string,
    readonly dryRun: boolean,
    readonly context: FactContext,
  ) {
    super();
  }
}

@CommandHandler(UndoImport)
export class UndoImportHandler implements ICommandHandler<UndoImport> {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(DEAL_RUNTIME) private readonly deals: DealRuntime,
    @Inject(IMPORT_RUNTIME) private readonly imports: ImportRuntime,
    @Inject(FactRecorder) private readonly recorder: FactRecorder,
  ) {}

  /** @throws {DomainError} `ImportUnknown`, `ImportRunning` */
  async execute(command: UndoImport): Promise<AsyncIterable<UndoLine>> {
    const { id } = command;
    const { state } = await this.imports.load(importStream(id));
    if (state === 'unknown') throw new DomainError('ImportUnknown', `there is no import ${id}`, 'not-found');
    if (state === 'running')
      throw new DomainError('ImportRunning', `the import ${id} has not ended yet; undo it afterwards`, 'conflict');
    return this.undo(command);
  }

  private async *undo({ id, dryRun, context }: UndoImport): AsyncGenerator<UndoLine> {
    const counts = { withdrawn: 0, withdrawnBefore: 0, replaced: 0 };
    const totals = new AmountTotals();
    for await (const brought of this.broughtBy(id)) {
      const judged = await this.judge(brought);
      const withdrawn = judged.filter(({ outcome }) => outcome === 'withdrawn');
      if (!dryRun) await this.withdraw(withdrawn, context);
      for (const { outcome, fact, hash, deal } of judged) {
        counts[outcome === 'withdrawn-before' ? 'withdrawnBefore' : outcome] += 1;
        if (outcome === 'withdrawn') totals.add(fact, deal);
        if (outcome !== 'withdrawn-before')
          yield { type: outcome, source: fact.source, deal: fact.deal, fact: identityOf(fact, hash) };
      }
    }
    if (!dryRun) await this.recordEnd(id, counts, context);
    yield { type: 'result', dryRun, ...counts, amounts: totals.list() };
  }

  /** The facts of an import in order of the log: also those that were retried, after its end. */
  private async *broughtBy(id: string): AsyncGenerator<readonly BroughtFact[]> {
    const [started] = await this.store.readStream(importStream(id), { limit: 1 });
    const filter = { categories: [dealDecider.category] };
    for (let after = started?.position ?? 0n; ;) {
      const page = await this.store.readAll({ after, filter, limit: UNDO_PAGE_EVENTS });
      yield page.events.flatMap((stored) => {
        const { data } = domainEventOf<DealFactRecorded>(stored, DEAL_EVENTS);
        return data.import === id ? [{ ...data, stream: stored.stream }] : [];
      });
      if (page.end) return;
      after = page.through;
    }
  }

  private async judge(brought: readonly BroughtFact[]): Promise<readonly JudgedFact[]> {
    const deals = new Map<string, { readonly state: DealState; readonly deal: Deal }>();
    for (const { stream, fact } of brought) {
      if (deals.has(stream)) continue;
      const { state } = await this.deals.load(stream);
      deals.set(stream, { state, deal: dealOf(fact.source, fact.deal, state.values()) });
    }
    return brought.flatMap((one) => {
      const found = deals.get(one.stream);
      return found === undefined ? [] : [{ ...one, deal: found.deal, outcome: undoOf(one, found.state) }];
    });
  }

  private async withdraw(facts: readonly JudgedFact[], context: FactContext): Promise<void> {
    const withdrawals = facts.map(({ fact }) => withdrawalOf(fact));
    const results = await this.recorder.record(
      withdrawals.map((fact) => ({ fact, raw: () => JSON.stringify(fact), context })),
    );
    for (const result of results)
      if ('refusal' in result) throw new DomainError(result.code, `a fact was not withdrawn: ${result.message}`);
  }

  private async recordEnd(
    id: string,
    { withdrawn, replaced }: { readonly withdrawn: number; readonly replaced: number },
    context: FactContext,
  ): Promise<void> {
    const stream = importStream(id);
    const at = new Date().toISOString();
    await this.imports.handle(
      stream,
      { type: 'ImportUndone', data: { withdrawn, replaced }, at },
      { ...context, cause: `${stream}:undone` },
    );
  }
}

interface BroughtFact extends RecordedFact {
  readonly stream: string;
}

interface JudgedFact extends BroughtFact {
  readonly deal: Deal;
  readonly outcome: UndoOutcome;
}

/** Of this revision alone: a revision that the import had replaced counts again. */
function withdrawalOf(fact: DealFact): WithdrawnFact {
  const { source, deal, kind, occurredAt, revision } = fact;
  const id = 'id' in fact ? fact.id : undefined;
  return { source, deal, kind, occurredAt, ...omitUndefined({ id, revision }), withdrawn: 'revision' };
}
