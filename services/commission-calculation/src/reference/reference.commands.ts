import type { Readable } from 'node:stream';
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { MessageData } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { tabularProblem } from '@tantieme/service-kit/http/tabular-problem';
import type { CellFault } from '@tantieme/tabular/cell';
import { fileRecords } from '@tantieme/tabular/file-records';
import type { FileFormatName, FileRecord } from '@tantieme/tabular/file-records';
import type { RecordFields } from '@tantieme/tabular/record-mapping';
import { ReferenceRecorder } from './reference-recorder.service.js';
import type { RecordedReference, RecordingContext, ReferenceKind } from './reference-recorder.service.js';
import { isWithdrawal } from './facts/withdrawal.js';
import type { Warning } from './warning/warnings.js';
import { QuotaWarnings } from './warning/warnings.service.js';
import { BATCH_FACTS } from '../limits.js';

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
  return 'payee' in fact && !isWithdrawal(fact) ? warnings.of(fact) : [];
}

/** A file of facts: NDJSON, or CSV whose header or mapping names the fields. */
export interface ReferenceFile {
  readonly stream: Readable;
  readonly format: FileFormatName;
  /** Name of the file, as the client gave it. */
  readonly file?: string | undefined;
  /** The mapping document of a CSV file. */
  readonly mapping?: object | undefined;
  /** True: the facts of the file are withdrawn instead of recorded. */
  readonly withdraw: boolean;
  /** True: nothing is written. */
  readonly dryRun: boolean;
}

const FIELDS_OF_FILE: Readonly<Record<ReferenceKind, RecordFields>> = {
  'exchange-rate': {
    base: { kind: 'text' },
    quote: { kind: 'text' },
    date: { kind: 'day' },
    rate: { kind: 'number' },
    source: { kind: 'text' },
    revision: { kind: 'whole', empty: 'absent' },
    withdrawn: { kind: 'flag', empty: 'absent' },
  },
  quota: {
    payee: { kind: 'text' },
    plan: { kind: 'text' },
    component: { kind: 'text' },
    from: { kind: 'day' },
    until: { kind: 'day', empty: 'absent' },
    amount: { kind: 'number' },
    revision: { kind: 'whole' },
    withdrawn: { kind: 'flag', empty: 'absent' },
  },
};

/**
 * A line of the answer to a batch: one for each fact that was not recorded, or was recorded with a warning, by its
 * number and its row from 1; and the counts as the last line.
 */
export type BatchLine =
  | {
      readonly type: 'conflict' | 'refused' | 'warning';
      readonly file?: string;
      readonly fact: number;
      readonly row: number;
      readonly code: string;
      readonly errors: readonly CellFault[];
    }
  | {
      readonly type: 'result';
      readonly dryRun?: true;
      readonly facts: number;
      readonly accepted: number;
      readonly repeated: number;
      readonly conflicts: number;
      readonly refused: number;
    };

/** Records the facts of a file. */
@CommandRoles('source', 'plan-designer', 'operator')
export class RecordReferences extends Command<AsyncIterable<BatchLine>> {
  constructor(
    readonly kind: ReferenceKind,
    readonly file: ReferenceFile,
    readonly context: RecordingContext,
  ) {
    super();
  }
}

@CommandHandler(RecordReferences)
export class RecordReferencesHandler implements ICommandHandler<RecordReferences> {
  constructor(
    @Inject(ReferenceRecorder) private readonly recorder: ReferenceRecorder,
    @Inject(QuotaWarnings) private readonly warnings: QuotaWarnings,
  ) {}

  execute(command: RecordReferences): Promise<AsyncIterable<BatchLine>> {
    return Promise.resolve(this.record(command));
  }

  /** @throws {DomainError} `FileUnreadable`, `MappingInvalid`, `ColumnsMissing`; earlier batches are recorded */
  private async *record({ kind, file, context }: RecordReferences): AsyncGenerator<BatchLine> {
    const at = new Date().toISOString();
    const counts = { facts: 0, accepted: 0, repeated: 0, conflicts: 0, refused: 0 };
    const dryRun = file.dryRun ? this.recorder.dryRun() : undefined;
    for await (const records of batchesOf(kind, file)) {
      const incoming = records.flatMap(({ record, faults }) =>
        faults.length > 0 ? [] : [{ kind, fact: record, at, context, withdraw: file.withdraw }],
      );
      const results = (await (dryRun ?? this.recorder).record(incoming)).values();
      for (const { row, faults, located } of records) {
        counts.facts += 1;
        const place = omitUndefined({ file: file.file, fact: counts.facts, row });
        const result = faults.length > 0 ? unreadable(faults) : results.next().value;
        if (result === undefined) throw new Error('the recorder returned fewer results than facts');
        counts[result.outcome === 'conflict' ? 'conflicts' : result.outcome] += 1;
        if ('error' in result) {
          const { code, message, fields } = result.error;
          const errors =
            fields.length > 0
              ? fields.map(({ field, reason }) => ({ field, reason }))
              : [{ field: '', reason: message }];
          yield { type: result.outcome, ...place, code, errors: faults.length > 0 ? faults : located(errors) };
          continue;
        }
        for (const { code, field, message } of await warningsOf(this.warnings, result.fact))
          yield { type: 'warning', ...place, code, errors: located([{ field, reason: message }]) };
      }
    }
    yield { type: 'result', ...(file.dryRun ? { dryRun: true } : {}), ...counts };
  }
}

/** A row that is no fact at all. */
function unreadable(faults: readonly CellFault[]): Extract<RecordedReference, { readonly error: DomainError }> {
  const message = faults.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return { outcome: 'refused', error: new DomainError('FactInvalid', message) };
}

/** @throws {DomainError} */
async function* batchesOf(
  kind: ReferenceKind,
  { stream, format, mapping }: ReferenceFile,
): AsyncGenerator<readonly FileRecord[]> {
  let batch: FileRecord[] = [];
  try {
    for await (const record of fileRecords(stream, format, FIELDS_OF_FILE[kind], mapping)) {
      batch.push(record);
      if (batch.length < BATCH_FACTS) continue;
      yield batch;
      batch = [];
    }
  } catch (error) {
    throw tabularProblem(error);
  }
  if (batch.length > 0) yield batch;
}
