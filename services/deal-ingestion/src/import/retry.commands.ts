/** Records a refused fact again, from what the refusal stores. */
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { parsedJson } from '@tantieme/tabular/file-records';
import { formatOfLocale } from '@tantieme/tabular/locale';
import type { Kysely } from 'kysely';
import type { Candidate } from '../fact/candidate.js';
import { FactRecorder } from '../fact/fact-recorder.service.js';
import type { FactContext, FactRecorded } from '../fact/fact-recorder.service.js';
import { receiptOf } from '../fact/receipt.js';
import type { Refusal } from '../refusal/refusal.dto.js';
import { refusalResolved } from '../refusal/refusal.js';
import { wholeRefusal } from '../refusal/refusal.queries.js';
import type { ImportTables } from './import.tables.js';
import { columnMapping } from './mapping-document.js';
import { createRowMapper } from './mapped-rows.js';
import { storedRows } from './rejected-rows.js';

@CommandRoles('source', 'operator')
export class RetryRefusal extends Command<FactRecorded> {
  constructor(
    readonly id: string,
    readonly context: FactContext,
  ) {
    super();
  }
}

@CommandHandler(RetryRefusal)
export class RetryRefusalHandler implements ICommandHandler<RetryRefusal> {
  constructor(
    @Inject(FactRecorder) private readonly recorder: FactRecorder,
    @Inject(DATABASE) private readonly database: Kysely<ImportTables>,
  ) {}

  /**
   * @throws {DomainError} `RefusalUnknown`, `RefusalResolved`, `RefusalIncomplete`, or why it is refused again
   */
  async execute({ id, context }: RetryRefusal): Promise<FactRecorded> {
    const row = await this.database
      .selectFrom('deal_ingestion_refusals')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) throw new DomainError('RefusalUnknown', `there is no refusal ${id}`, 'not-found');
    const refusal = await wholeRefusal(this.database, row);
    if (refusal.state === 'resolved') throw refusalResolved();
    if (refusal.errors.some(({ field }) => field === 'row'))
      throw new DomainError(
        'RefusalIncomplete',
        `the refusal ${id} does not store the whole fact; correct the file and import it again`,
        'conflict',
      );
    const { import: origin, file } = refusal;
    const [result] = await this.recorder.record([
      {
        ...(await this.candidate(refusal)),
        context,
        ...(origin === undefined ? {} : { import: { id: origin, file } }),
      },
    ]);
    if (result === undefined) throw new Error('the fact has no outcome');
    const recorded = receiptOf(result);
    await this.recorder.resolve(id, 'retried', recorded.hash, context);
    return recorded;
  }

  private async candidate(refusal: Refusal): Promise<Candidate> {
    const { raw, rows = [] } = refusal;
    const origin = refusal.import === undefined ? undefined : await this.csvImport(refusal.import);
    if (origin === undefined) {
      const parsed = parsedJson(raw);
      return 'fault' in parsed
        ? { errors: [{ field: 'line', reason: parsed.fault }], raw: () => raw }
        : { fact: parsed.value, raw: () => raw };
    }
    const mapper = createRowMapper(columnMapping(origin.mapping, formatOfLocale), origin.columns);
    const { fact, errors, head } = mapper.fact(
      storedRows(raw).map((cells, index) => ({ row: rows[index] ?? 0, cells: [...cells.values()] })),
    );
    return errors.length > 0 ? { errors, head, raw: () => raw } : { fact, head, raw: () => raw };
  }

  private async csvImport(
    id: string,
  ): Promise<{ readonly mapping: unknown; readonly columns: readonly string[] } | undefined> {
    const row = await this.database
      .selectFrom('deal_ingestion_imports')
      .select(['mapping', 'columns'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined || row.mapping === null) return undefined;
    if (row.columns === null)
      throw new DomainError('ImportRunning', 'the import of this fact has not ended yet; retry afterwards', 'conflict');
    return { mapping: JSON.parse(row.mapping), columns: JSON.parse(row.columns) as readonly string[] };
  }
}
