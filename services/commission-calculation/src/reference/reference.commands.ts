import { Readable } from 'node:stream';
import { Inject } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { ndjsonLines } from '@tantieme/tabular/ndjson-lines';
import { parse } from 'csv-parse';
import type { IntakeContext, ReferenceKind, TakenReference } from './reference-recorder.service.js';
import { Runtimes } from '../runtimes.service.js';

/** Takes one exchange rate or quota, as it came in. Its routes narrow the roles: a plan designer says quotas, not rates. */
@CommandRoles('source', 'plan-designer', 'operator')
export class TakeReference extends Command<Extract<TakenReference, { readonly fact: unknown }>> {
  constructor(
    readonly kind: ReferenceKind,
    readonly fact: unknown,
    readonly context: IntakeContext,
  ) {
    super();
  }
}

@CommandHandler(TakeReference)
export class TakeReferenceHandler implements ICommandHandler<TakeReference> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `FactInvalid`, `FactConflict` */
  async execute({ kind, fact, context }: TakeReference): Promise<Extract<TakenReference, { readonly fact: unknown }>> {
    const at = new Date().toISOString();
    const [taken] = await this.runtimes.referenceIntake.take([{ kind, fact, at, context }]);
    if (taken === undefined) throw new Error('a fact was given, and nothing became of it');
    if ('error' in taken) throw taken.error;
    return taken;
  }
}

export type BatchFormat = 'ndjson' | 'csv';

/** What is said of a batch: each fact that was not taken, by its place from 1, and at the end the counts. */
export type BatchLine =
  | {
      readonly type: 'conflict' | 'refused';
      readonly fact: number;
      readonly code: string;
      readonly errors: readonly { readonly field: string; readonly reason: string }[];
    }
  | {
      readonly type: 'result';
      readonly facts: number;
      readonly accepted: number;
      readonly repeated: number;
      readonly conflicts: number;
      readonly refused: number;
    };

/** Takes a stream of facts: NDJSON, or CSV whose header has the names of the fields. */
@CommandRoles('source', 'plan-designer', 'operator')
export class TakeReferences extends Command<AsyncIterable<BatchLine>> {
  constructor(
    readonly kind: ReferenceKind,
    readonly stream: Readable,
    readonly format: BatchFormat,
    readonly context: IntakeContext,
  ) {
    super();
  }
}

/** Facts that are stored in one go. */
const BATCH_FACTS = 1000;

@CommandHandler(TakeReferences)
export class TakeReferencesHandler implements ICommandHandler<TakeReferences> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  execute(command: TakeReferences): Promise<AsyncIterable<BatchLine>> {
    return Promise.resolve(this.take(command));
  }

  /** @throws {DomainError} `FileUnreadable`; what came before is taken */
  private async *take({ kind, stream, format, context }: TakeReferences): AsyncGenerator<BatchLine> {
    const at = new Date().toISOString();
    const counts = { facts: 0, accepted: 0, repeated: 0, conflicts: 0, refused: 0 };
    for await (const facts of batchesOf(format === 'csv' ? csvFacts(stream) : ndjsonFacts(stream))) {
      const taken = await this.runtimes.referenceIntake.take(facts.map((fact) => ({ kind, fact, at, context })));
      for (const one of taken) {
        counts.facts += 1;
        counts[one.outcome === 'conflict' ? 'conflicts' : one.outcome] += 1;
        if (!('error' in one)) continue;
        const { code, message, fields } = one.error;
        const errors = fields.length > 0 ? fields : [{ field: '', reason: message }];
        yield { type: one.outcome, fact: counts.facts, code, errors };
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

/** What is no JSON is nothing that any schema accepts: it is refused together with the rest. */
async function* ndjsonFacts(stream: Readable): AsyncGenerator<unknown> {
  for await (const lines of ndjsonLines(stream))
    for (const { text, fault } of lines)
      try {
        yield fault === undefined ? JSON.parse(text) : undefined;
      } catch {
        yield undefined;
      }
}

/** A record a fact. An empty cell says nothing; a revision is a number. */
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
    throw new DomainError('FileUnreadable', `the file breaks off: ${reason}`, 'invalid', [{ field: 'file', reason }]);
  } finally {
    text.destroy();
    // What is left of a body that nobody reads would hold up the connection.
    stream.resume();
  }
}

/** A byte that is no UTF-8 ends it: a name read wrong would be a wrong name for ever. */
async function* textOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
