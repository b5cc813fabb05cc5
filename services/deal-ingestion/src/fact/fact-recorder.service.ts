/**
 * The one way into the log for facts, whether they come over HTTP, from a file or from the broker: checked, decided and
 * appended in batches; what is refused is kept aside with its reasons, in the same call.
 */
import { Inject, Injectable } from '@nestjs/common';
import { check } from '@tantieme/contracts/envelope';
import type { DealFact } from '@tantieme/contracts/deal';
import { NotCanonical } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext, Handled, Runtime, Work } from '@tantieme/event-sourcing/decide/runtime';
import { contentHash } from '../deal/content-hash.js';
import { dealStream, FACT_CONFLICT } from '../deal/deal.js';
import type { DealCommand, DealFactRecorded, DealState } from '../deal/deal.js';
import { identityOf, normalFact } from '../deal/deal-fact.js';
import type { FieldReason } from '../deal/deal-fact.js';
import { refusalStream } from '../refusal/refusal.js';
import type { FactRefused, RefusalState, RefuseFact } from '../refusal/refusal.js';
import type { Candidate } from './candidate.js';

export const DEAL_RUNTIME = Symbol('DEAL_RUNTIME');
export const REFUSAL_RUNTIME = Symbol('REFUSAL_RUNTIME');
export type DealRuntime = Runtime<DealState, DealCommand, DealFactRecorded>;
export type RefusalRuntime = Runtime<RefusalState, RefuseFact, FactRefused>;

/** Who and what brings a fact; the ids of its events are computed from its content, so that it has no cause of its own. */
export type IntakeContext = Omit<CommandContext, 'cause'>;

export interface Incoming extends Candidate {
  readonly context: IntakeContext;
}

/** What became of a fact. */
export type Taken =
  | {
      readonly outcome: 'accepted' | 'repeated';
      readonly source: string;
      readonly deal: string;
      readonly identity: string;
      readonly hash: string;
    }
  | {
      readonly outcome: 'conflict' | 'refused';
      /** Id of the refusal under which it is kept aside. */
      readonly refusal: string;
      readonly code: string;
      readonly message: string;
      readonly errors: readonly FieldReason[];
    };

/** Characters of a refused text that are kept: enough to find it at its source. */
const RAW_LENGTH_MAX = 64 * 1024;

const ERRORS_MAX = 100;

interface Refusal {
  readonly kind: 'invalid' | 'conflict';
  readonly code: string;
  readonly message: string;
  readonly errors: readonly FieldReason[];
}

@Injectable()
export class FactIntake {
  constructor(
    @Inject(DEAL_RUNTIME) private readonly deals: DealRuntime,
    @Inject(REFUSAL_RUNTIME) private readonly refusals: RefusalRuntime,
  ) {}

  /**
   * Takes facts; the results are in their order. When it returns, all of them are stored, as facts or as refusals. The
   * same facts again add nothing.
   */
  async take(batch: readonly Incoming[]): Promise<readonly Taken[]> {
    const judged = batch.map(judge);
    const work = judged.flatMap((one) => ('work' in one ? [one.work] : []));
    const handled = (await this.deals.handleMany(work)).values();
    const outcomes = judged.map((one): Taken | Refusal => {
      if (!('work' in one)) return one;
      const result = handled.next().value;
      if (result === undefined) throw new Error('the runtime answered fewer commands than it was given');
      return result.outcome === 'handled' ? takenFact(one.work, result) : refusalOf(result.error);
    });
    return this.keepRefusals(batch, outcomes);
  }

  private async keepRefusals(
    batch: readonly Incoming[],
    outcomes: readonly (Taken | Refusal)[],
  ): Promise<readonly Taken[]> {
    const at = new Date().toISOString();
    const work: Work<RefuseFact>[] = [];
    const taken = batch.map((incoming, index): Taken => {
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error('a fact was lost between judgement and outcome');
      if ('outcome' in outcome) return outcome;
      const { kind, code, message, errors } = outcome;
      const raw = incoming.raw().toWellFormed();
      const hash = contentHash([kind, raw]);
      const stream = refusalStream(hash);
      const { source, deal } = originOf(incoming);
      const command: RefuseFact = {
        kind,
        raw: raw.length > RAW_LENGTH_MAX ? raw.slice(0, RAW_LENGTH_MAX).toWellFormed() : raw,
        errors,
        ...(source === undefined ? {} : { source }),
        ...(deal === undefined ? {} : { deal }),
        at,
      };
      work.push({ stream, command, context: { ...incoming.context, cause: stream } });
      return { outcome: kind === 'conflict' ? 'conflict' : 'refused', refusal: hash, code, message, errors };
    });
    if (work.length > 0)
      for (const result of await this.refusals.handleMany(work)) if (result.outcome === 'refused') throw result.error;
    return taken;
  }
}

/** A command for the deal, or why there is none. */
function judge({ fact, errors, context }: Incoming): { readonly work: Work<DealCommand> } | Refusal {
  if (errors !== undefined && errors.length > 0) return invalid(errors);
  const faults = check('deal-fact', fact);
  if (faults.length > 0)
    return invalid(faults.map(({ field, reason }) => ({ field: field.replaceAll('/', '.'), reason })));
  if (!isDealFact(fact, faults)) return invalid([{ field: '', reason: 'is no fact of a deal' }]);
  try {
    const normal = normalFact(fact);
    const hash = contentHash(normal);
    return {
      work: { stream: dealStream(normal), command: { fact: normal, hash }, context: { ...context, cause: hash } },
    };
  } catch (error) {
    if (error instanceof DomainError) return refusalOf(error);
    if (error instanceof NotCanonical)
      return invalid([{ field: error.path.slice(1).replaceAll('/', '.'), reason: error.reason }]);
    throw error;
  }
}

/** The schema has nothing against it, so it has the type that the schema describes. */
function isDealFact(value: unknown, faults: readonly unknown[]): value is DealFact {
  return faults.length === 0 && typeof value === 'object';
}

function takenFact({ command }: Work<DealCommand>, { events }: Handled<DealState, DealFactRecorded>): Taken {
  const { fact, hash } = command;
  const outcome = events.length > 0 ? 'accepted' : 'repeated';
  return { outcome, source: fact.source, deal: fact.deal, identity: identityOf(fact, hash), hash };
}

function invalid(errors: readonly FieldReason[]): Refusal {
  return refusal('invalid', 'FactInvalid', 'the fact is not valid', errors);
}

function refusalOf({ code, message, fields }: DomainError): Refusal {
  return code === FACT_CONFLICT
    ? refusal('conflict', code, message, fields)
    : refusal('invalid', code, message, fields.length > 0 ? fields : [{ field: '', reason: message }]);
}

function refusal(kind: Refusal['kind'], code: string, message: string, errors: readonly FieldReason[]): Refusal {
  const shown = errors
    .slice(0, ERRORS_MAX)
    .map(({ field, reason }) => ({ field: field.toWellFormed(), reason: reason.toWellFormed() }));
  return { kind, code, message: message.toWellFormed(), errors: shown };
}

/** Which deal a refused fact is of, as far as it says so. */
function originOf({ fact, source, deal }: Incoming): {
  readonly source?: string | undefined;
  readonly deal?: string | undefined;
} {
  const said = (name: 'source' | 'deal'): string | undefined => {
    if (typeof fact !== 'object' || fact === null) return undefined;
    const text: unknown = new Map(Object.entries(fact)).get(name);
    return typeof text === 'string' && text.isWellFormed() && text.length <= NAME_LENGTH_MAX ? text : undefined;
  };
  return { source: source ?? said('source'), deal: deal ?? said('deal') };
}

const NAME_LENGTH_MAX = 200;
