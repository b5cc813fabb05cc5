/**
 * The one way into the log for facts, whether they arrive over HTTP, in a file or from the broker: checked, decided and
 * appended in batches. What is refused is stored with its reasons, in the same call.
 */
import { Inject, Injectable } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import { isDatabaseUnavailable } from '@tantieme/event-sourcing/read-model/database-unavailable';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { CellFault } from '@tantieme/tabular/cell';
import type { Kysely } from 'kysely';
import { contentHash } from '../deal/content-hash.js';
import { dealStream } from '../deal/deal.js';
import type { DealCommand } from '../deal/deal.js';
import type { RecordedFact } from '../deal/facts-in-force.js';
import { factKeyOf, identityOf } from '../deal/deal-fact.js';
import { LINES_MAX } from '../limits.js';
import { DEAL_RUNTIME } from '../deal/deal.queries.js';
import type { DealRuntime } from '../deal/deal.queries.js';
import { MIGRATIONS } from '../migrations.js';
import { REFUSAL_RUNTIME } from '../refusal/refusal-runtime.service.js';
import type { RefusalRuntime } from '../refusal/refusal-runtime.service.js';
import { refusalStream } from '../refusal/refusal.js';
import type { RefusalCommand, RefuseFact, Resolution } from '../refusal/refusal.js';
import type { Candidate } from './candidate.js';
import { identityIn, judge, located, rejectionOf } from './judgement.js';
import type { Rejection } from './judgement.js';
import { openRefusalsOf } from './open-refusals.tables.js';
import type { OpenRefusalRow, OpenRefusalTables } from './open-refusals.tables.js';
import { resolutionOf } from './resolution.js';

/** The ids of its events are computed from the fact's content, so that a fact has no cause of its own. */
export type FactContext = Omit<CommandContext, 'cause'>;

export interface IncomingFact extends Candidate {
  readonly context: FactContext;
  /** The import that brings it. */
  readonly import?: { readonly id: string; readonly file?: string | undefined };
}

/** A fact that is recorded, now or before. */
export interface FactRecorded {
  readonly outcome: 'accepted' | 'repeated';
  readonly source: string;
  readonly deal: string;
  readonly identity: string;
  readonly hash: string;
}

/** A fact that was refused, and stored with its reasons. */
export interface FactRejected {
  readonly outcome: 'conflict' | 'refused';
  /** Id of the refusal that it is stored as. */
  readonly refusal: string;
  readonly code: string;
  readonly message: string;
  readonly errors: readonly CellFault[];
}

export type FactResult = FactRecorded | FactRejected;

/** Characters of a refused content in one event: with JSON's escapes, they still fit into an append. */
const PART_LENGTH_MAX = 128 * 1024;

/** Characters of refused contents that are appended at once: a batch of them may be far larger than memory. */
const APPENDED_LENGTH_MAX = 8 * 1024 * 1024;

@Injectable()
export class FactRecorder {
  private migrating: Promise<void> | undefined;

  constructor(
    @Inject(DEAL_RUNTIME) private readonly deals: DealRuntime,
    @Inject(REFUSAL_RUNTIME) private readonly refusals: RefusalRuntime,
    @Inject(DATABASE) private readonly database: Kysely<OpenRefusalTables>,
  ) {}

  /**
   * Records facts; the results are in their order. When it returns, all of them are stored, as facts or as refusals.
   * The same facts again add nothing.
   */
  async record(batch: readonly IncomingFact[]): Promise<readonly FactResult[]> {
    const judged = batch.map((incoming) => ({ incoming, verdict: judge(incoming) }));
    const work = judged.flatMap(({ incoming: { context, import: origin }, verdict }): Work<DealCommand>[] => {
      if (!('fact' in verdict)) return [];
      const command = omitUndefined({ ...verdict, import: origin?.id });
      return [{ stream: dealStream(verdict.fact), command, context: { ...context, cause: verdict.hash } }];
    });
    const handled = (await this.deals.handleMany(work)).values();
    const outcomes = judged.map(({ verdict }): FactRecorded | Rejection => {
      if (!('fact' in verdict)) return verdict;
      const result = handled.next().value;
      if (result === undefined) throw new Error('the runtime answered fewer commands than it was given');
      if (result.outcome === 'refused') return rejectionOf(result.error);
      const { fact, hash } = verdict;
      const outcome = result.events.length > 0 ? 'accepted' : 'repeated';
      return { outcome, source: fact.source, deal: fact.deal, identity: identityOf(fact, hash), hash };
    });
    const results = await this.storeRefusals(batch, outcomes);
    const repeated = judged.flatMap(({ verdict, incoming: { context } }, index) =>
      'fact' in verdict && results[index]?.outcome === 'repeated' ? [{ ...verdict, context }] : [],
    );
    if (repeated.length > 0) await this.resolveRepeated(repeated);
    return results;
  }

  private async storeRefusals(
    batch: readonly IncomingFact[],
    outcomes: readonly (FactRecorded | Rejection)[],
  ): Promise<readonly FactResult[]> {
    const at = new Date().toISOString();
    const results: FactResult[] = [];
    let work: Work<RefusalCommand>[] = [];
    let length = 0;
    for (const [index, incoming] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error('a fact has no outcome');
      if ('outcome' in outcome) {
        results.push(outcome);
        continue;
      }
      const { kind, code, message } = outcome;
      const raw = incoming.raw().toWellFormed();
      const refusal = contentHash([kind, raw]);
      const stream = refusalStream(refusal);
      const errors = located(incoming, outcome.errors);
      const context = { ...incoming.context, cause: stream };
      const [first = '', ...others] = partsOf(raw);
      // The pieces come before the refusal, so that a refusal is always whole.
      for (const [before, part] of others.entries())
        await this.appendRefusals([{ stream, command: { part: before + 1, raw: part, at }, context }]);
      work.push({
        stream,
        command: refusalCommand(incoming, { kind, errors, at, raw: first, parts: others.length }),
        context,
      });
      length += first.length;
      if (length >= APPENDED_LENGTH_MAX) {
        await this.appendRefusals(work);
        [work, length] = [[], 0];
      }
      results.push({ outcome: kind === 'conflict' ? 'conflict' : 'refused', refusal, code, message, errors });
    }
    await this.appendRefusals(work);
    return results;
  }

  private async appendRefusals(work: readonly Work<RefusalCommand>[]): Promise<void> {
    if (work.length === 0) return;
    for (const result of await this.refusals.handleMany(work)) if (result.outcome === 'refused') throw result.error;
  }

  /**
   * A fact that was recorded before adds no event for the resolution process to see, so its refusals are resolved here.
   * Without the database they stay open until the fact arrives again: recording does not depend on it.
   */
  private async resolveRepeated(
    repeated: readonly (RecordedFact & { readonly context: FactContext })[],
  ): Promise<void> {
    const open = await this.openRefusals(repeated.map(({ fact }) => fact));
    for (const { fact, hash, context } of repeated) {
      const arrived = { source: fact.source, deal: fact.deal, key: factKeyOf(fact) };
      for (const { id, kind, ...refusal } of open)
        if (kind === 'invalid' && resolutionOf({ ...refusal, kind }, arrived) !== undefined)
          await this.resolve(id, 'recorded', hash, context);
    }
  }

  private async openRefusals(facts: readonly { readonly deal: string }[]): Promise<readonly OpenRefusalRow[]> {
    try {
      this.migrating ??= migrate(this.database, MIGRATIONS);
      await this.migrating;
      return await openRefusalsOf(this.database, facts);
    } catch (error) {
      this.migrating = undefined;
      if (isDatabaseUnavailable(error)) return [];
      throw error;
    }
  }

  /** Does nothing for a refusal that is resolved. */
  async resolve(id: string, resolution: Resolution, hash: string, context: FactContext): Promise<void> {
    const command = { resolution, hash, at: new Date().toISOString() };
    const stream = refusalStream(id);
    await this.refusals.handle(stream, command, { ...context, cause: `${stream}:${hash}` });
  }
}

function refusalCommand(
  incoming: IncomingFact,
  { parts, ...refused }: Pick<RefuseFact, 'kind' | 'errors' | 'at' | 'raw'> & { readonly parts: number },
): RefuseFact {
  const { import: origin, rows } = incoming;
  return omitUndefined({
    ...refused,
    parts: parts === 0 ? undefined : parts,
    ...identityIn(incoming),
    import: origin?.id,
    file: origin?.file,
    rows: origin === undefined ? undefined : rows?.slice(0, LINES_MAX),
  });
}

/** Pieces that an event can hold, in order. A surrogate pair is never split. */
function partsOf(raw: string): readonly string[] {
  const parts: string[] = [];
  for (let start = 0; start < raw.length || start === 0;) {
    let end = Math.min(start + PART_LENGTH_MAX, raw.length);
    if (end < raw.length && isHighSurrogate(raw.charCodeAt(end - 1))) end -= 1;
    parts.push(raw.slice(start, end));
    if (end === 0) break;
    start = end;
  }
  return parts;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
