/** The commands of imports: import a file, try that without an effect, and record a refused fact again. */
import { join } from 'node:path';
import { Inject, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { EventStoreUnavailable } from '@tantieme/event-store/event-store';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { CONFIG, TIMERS } from '@tantieme/service-kit/runtime/runtime-tokens';
import { backoffMs } from '@tantieme/time/backoff';
import type { Timers } from '@tantieme/time/timers';
import { DEAL_RUNTIME } from '../deal/deal.queries.js';
import type { DealRuntime } from '../deal/deal.queries.js';
import { FactRecorder } from '../fact/fact-recorder.service.js';
import type { FactContext } from '../fact/fact-recorder.service.js';
import type { AmountTotal } from './amounts.js';
import { DryRun } from './dry-run.service.js';
import type { WouldBeRefused } from './dry-run.service.js';
import { importStream } from './import.js';
import type { EndImport, ImportCommand, ImportCounts, ImportEvent, ImportFormat, ImportState } from './import.js';
import { importFacts } from './import-facts.service.js';
import type { ImportProgress } from './import-facts.service.js';

export const IMPORT_RUNTIME = Symbol('IMPORT_RUNTIME');
export type ImportRuntime = Runtime<ImportState, ImportCommand, ImportEvent>;

/** The stream of a file, and how it is written. */
export interface FileToImport {
  readonly stream: AsyncIterable<Uint8Array | string>;
  readonly format: ImportFormat;
  /** Name of the file, as the client gave it. */
  readonly file?: string | undefined;
  /** The mapping document of a CSV file. */
  readonly mapping?: object | undefined;
}

/** Imports a file. The command's result is the counts of its facts. */
@CommandRoles('source', 'operator')
export class ImportFacts extends Command<ImportCounts> {
  constructor(
    readonly id: string,
    readonly file: FileToImport,
    readonly context: FactContext,
    readonly onProgress: (progress: ImportProgress) => void,
  ) {
    super();
  }
}

/** Pauses of an import that cannot record its end. */
const END_BACKOFF = { firstMs: 100, maxMs: 10_000 };

@CommandHandler(ImportFacts)
export class ImportFactsHandler implements ICommandHandler<ImportFacts>, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly logger = new Logger(ImportFacts.name);

  constructor(
    @Inject(FactRecorder) private readonly recorder: FactRecorder,
    @Inject(IMPORT_RUNTIME) private readonly imports: ImportRuntime,
    @Inject(CONFIG) private readonly config: RuntimeConfig,
    @Inject(TIMERS) private readonly timers: Timers,
  ) {}

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  async execute({ id, file, context, onProgress }: ImportFacts): Promise<ImportCounts> {
    const { stream, format, mapping } = file;
    const counts = { facts: 0, accepted: 0, repeated: 0, conflicts: 0, refused: 0 };
    let columns: readonly string[] | undefined;
    let batches = 0;
    const append = async (change: Omit<ImportCommand, 'at'>, name: string): Promise<void> => {
      const command = { ...change, at: new Date().toISOString() } as ImportCommand;
      await this.imports.handle(importStream(id), command, { ...context, cause: `${importStream(id)}:${name}` });
    };
    const end = (ended: EndImport): Promise<void> => append({ type: 'ImportEnded', data: ended }, 'end');

    try {
      await append({ type: 'ImportStarted', data: omitUndefined({ format, file: file.file, mapping }) }, 'start');
      await importFacts(
        stream,
        format,
        mapping,
        async (batch) => {
          const origin = { id, file: file.file };
          const results = await this.recorder.record(batch.map((fact) => ({ ...fact, context, import: origin })));
          for (const { outcome } of results) counts[outcome === 'conflict' ? 'conflicts' : outcome] += 1;
          counts.facts += results.length;
          const refusals = results.flatMap((result, index) =>
            'refusal' in result ? [{ refusal: result.refusal, row: batch[index]?.rows?.[0] ?? 0 }] : [],
          );
          batches += 1;
          await append({ type: 'ImportBatchRecorded', data: { counts: { ...counts }, refusals } }, `batch ${batches}`);
          return results;
        },
        { stagingDirectory: stagingDirectory(this.config), onProgress, onColumns: (names) => (columns = names) },
      );
      await end(omitUndefined({ counts, columns }));
      return counts;
    } catch (error) {
      const failed = omitUndefined({ counts, columns, error: failureOf(error) });
      await end(failed).catch((failure: unknown) => void this.endLater(failure, () => end(failed)));
      throw error;
    }
  }

  /** The event store may be down: the end is recorded once it answers again. */
  private async endLater(failure: unknown, end: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    let last = failure;
    for (let tries = 1; last instanceof EventStoreUnavailable && !signal.aborted; tries += 1) {
      await this.timers.wait(backoffMs(END_BACKOFF, tries), signal);
      try {
        return await end();
      } catch (error) {
        last = error;
      }
    }
    this.logger.error({ err: last }, 'the end of an import was not recorded');
  }
}

function failureOf(error: unknown): { readonly code: string; readonly detail: string } {
  return error instanceof DomainError
    ? { code: error.code, detail: error.message }
    : { code: 'InternalError', detail: 'the import broke off; import the file again' };
}

/** What an import would do. */
export interface DryRunResult extends ImportCounts {
  /** Of the facts that would be accepted. */
  readonly amounts: readonly AmountTotal[];
}

/** Reads and judges a file as an import does, and writes nothing. */
@CommandRoles('source', 'operator')
export class TryImport extends Command<DryRunResult> {
  constructor(
    readonly file: FileToImport,
    readonly onProgress: (progress: ImportProgress) => void,
    readonly onRefused: (refused: WouldBeRefused) => void,
  ) {
    super();
  }
}

@CommandHandler(TryImport)
export class TryImportHandler implements ICommandHandler<TryImport> {
  constructor(
    @Inject(DEAL_RUNTIME) private readonly deals: DealRuntime,
    @Inject(CONFIG) private readonly config: RuntimeConfig,
  ) {}

  async execute({ file, onProgress, onRefused }: TryImport): Promise<DryRunResult> {
    const directory = stagingDirectory(this.config);
    const dryRun = new DryRun(this.deals, directory, onRefused);
    try {
      const counts = await importFacts(file.stream, file.format, file.mapping, (batch) => dryRun.judge(batch), {
        stagingDirectory: directory,
        onProgress,
      });
      return { ...counts, amounts: dryRun.amounts() };
    } finally {
      dryRun.close();
    }
  }
}

export function stagingDirectory({ dataDirectory }: RuntimeConfig): string {
  return join(dataDirectory, 'import-staging');
}
