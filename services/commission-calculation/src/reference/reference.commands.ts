import { Readable } from 'node:stream';
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { MessageData } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { ndjsonLines } from '@tantieme/tabular/ndjson-lines';
import { parse } from 'csv-parse';
import { ReferenceRecorder } from './reference-recorder.service.js';
import type { RecordingContext, ReferenceKind } from './reference-recorder.service.js';
import type { Warning } from './warnings.js';
import { QuotaWarnings } from './warnings.service.js';

export interface ReferenceRecorded {
  readonly outcome: 'accepted' | 'repeated';
  readonly fact: MessageData[ReferenceKind];
  /** Names in the fact that do not exist. */
  readonly warnings: readonly Warning[];
}

/** Records one exchange rate or quota. Routes narrow the roles: a plan designer records quotas, not exchange rates. */
@CommandRoles('source', 'plan-designer', 'operator')
export class RecordReference extends Command<ReferenceRecorded> {
  constructor(
    readonly kind: ReferenceKind,
    readonly fact: unknown,
    readonly context: RecordingContext,
  ) {
    super();
  }
}

@CommandHandler(RecordReference)
export class RecordReferenceHandler implements ICommandHandler<RecordReference> {
  constructor(
    @Inject(ReferenceRecorder) private readonly recorder: ReferenceRecorder,
    @Inject(QuotaWarnings) private readonly warnings: QuotaWarnings,
  ) {}

  /** @throws {DomainError} `FactInvalid`, `FactConflict` */
  async execute({ kind, fact, context }: RecordReference): Promise<ReferenceRecorded> {
    const at = new Date().toISOString();
    const [recorded] = await this.recorder.record([{ kind, fact, at, context }]);
    if (recorded === undefined) throw new Error('the recorder returned no result for the fact');
    if ('error' in recorded) throw recorded.error;
    return { ...recorded, warnings: await warningsOf(this.warnings, recorded.fact) };
  }
}

async function warningsOf(warnings: QuotaWarnings, fact: MessageData[ReferenceKind]): Promise<readonly Warning[]> {
  return 'payee' in fact ? warnings.of(fact) : [];
}

export type BatchFormat = 'ndjson' | 'csv';

interface FieldReason {
  readonly field: string;
  readonly reason: string;
}

/**
 * A line of the answer to a batch: one for each fact that was not recorded, or was recorded with a warning, by its
 * number from 1; and the counts as the last line.
 */
export type BatchLine =
  | {
      readonly type: 'conflict' | 'refused' | 'warning';
      readonly fact: number;
      readonly code: string;
      readonly errors: readonly FieldReason[];
    }
  | {
      readonly type: 'result';
      readonly facts: number;
      readonly accepted: number;
      readonly repeated: number;
      readonly conflicts: number;
      readonly refused: number;
    };

/** Records a stream of facts: NDJSON, or CSV with the names of the fields in its header. */
@CommandRoles('source', 'plan-designer', 'operator')
export class RecordReferences extends Command<AsyncIterable<BatchLine>> {
  constructor(
    readonly kind: ReferenceKind,
    readonly stream: Readable,
    readonly format: BatchFormat,
    readonly context: RecordingContext,
  ) {
    super();
  }
}

/** Facts per append. */
const BATCH_FACTS = 1000;

@CommandHandler(RecordReferences)
export class RecordReferencesHandler implements ICommandHandler<RecordReferences> {
  constructor(
    @Inject(ReferenceRecorder) private readonly recorder: ReferenceRecorder,
    @Inject(QuotaWarnings) private readonly warnings: QuotaWarnings,
  ) {}

  execute(command: RecordReferences): Promise<AsyncIterable<BatchLine>> {
    return Promise.resolve(this.record(command));
  }

  /** @throws {DomainError} `FileUnreadable`; the facts before the fault are recorded */
  private async *record({ kind, stream, format, context }: RecordReferences): AsyncGenerator<BatchLine> {
    const at = new Date().toISOString();
    const counts = { facts: 0, accepted: 0, repeated: 0, conflicts: 0, refused: 0 };
    for await (const facts of batchesOf(format === 'csv' ? csvFacts(stream) : ndjsonFacts(stream))) {
      const results = await this.recorder.record(facts.map((fact) => ({ kind, fact, at, context })));
      for (const result of results) {
        counts.facts += 1;
        counts[result.outcome === 'conflict' ? 'conflicts' : result.outcome] += 1;
        if ('error' in result) {
          const { code, message, fields } = result.error;
          const errors = fields.length > 0 ? fields : [{ field: '', reason: message }];
          yield { type: result.outcome, fact: counts.facts, code, errors };
          continue;
        }
        for (const { code, field, message } of await warningsOf(this.warnings, result.fact))
          yield { type: 'warning', fact: counts.facts, code, errors: [{ field, reason: message }] };
      }
    }
    yield { type: 'result', ...counts };
  }
}

async function* batchesOf(facts: AsyncIterable<unknown>): AsyncGenerator<readonly unknown[]> {
  let batch: unknown[] = [];
  for await (const fact of facts) {
    batch.push(fact);
    if (batch.length < BATCH_FACTS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** A line that is not JSON becomes undefined, which validation refuses like any other invalid fact. */
async function* ndjsonFacts(stream: Readable): AsyncGenerator<unknown> {
  for await (const lines of ndjsonLines(stream))
    for (const { text, fault } of lines)
      try {
        yield fault === undefined ? JSON.parse(text) : undefined;
      } catch {
        yield undefined;
      }
}

/** One fact per record. An empty cell is an absent field; a revision becomes a number. */
async function* csvFacts(stream: Readable): AsyncGenerator<unknown> {
  const parser = parse({ bom: true, columns: true, skip_empty_lines: true, trim: true });
  const records: AsyncIterable<Readonly<Record<string, string>>> = parser;
  const text = Readable.from(textOf(stream));
  text.on('error', (error) => parser.destroy(error));
  text.pipe(parser);
  try {
    for await (const record of records)
      yield Object.fromEntries(
        Object.entries(record)
          .filter(([, cell]) => cell !== '')
          .map(([name, cell]) => [name, name === 'revision' && /^[0-9]{1,15}$/.test(cell) ? Number(cell) : cell]),
      );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError(
      'FileUnreadable',
      `the file cannot be read any further: ${reason}; correct it and send it again, recorded facts do not change`,
      'invalid',
      [{ field: 'file', reason }],
    );
  } finally {
    text.destroy();
    // An unread rest of the body would hold up the connection.
    stream.resume();
  }
}

/** Invalid UTF-8 ends the text: a name that is decoded wrongly would be stored wrongly for good. */
async function* textOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)
    yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
