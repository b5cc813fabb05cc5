/**
 * The one way into the log for exchange rates and quotas, whether they come over HTTP, from a file or from the broker: checked,
 * decided and appended in batches. The same fact again adds nothing.
 */
import type { MessageData } from '@tantieme/contracts/envelope';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext, Runtime, Work } from '@tantieme/event-sourcing/decide/runtime';
import { assertMessageData } from '@tantieme/service-kit/http/message-data';
import { normalExchangeRate } from './exchange-rate.js';
import { normalQuota } from './quota.js';
import { exchangeRateStream, quotaStream } from './reference.js';
import type { ReferenceCommand, ReferenceEvent, ReferenceState } from './reference.js';
import type { ExchangeRateCache } from './exchange-rate-cache.service.js';

export type ReferenceRuntime = Runtime<ReferenceState, ReferenceCommand, ReferenceEvent>;

export type ReferenceKind = 'exchange-rate' | 'quota';

/** The ids of its events are computed from its content, so that a fact has no cause of its own. */
export type IntakeContext = Omit<CommandContext, 'cause'>;

/** A fact as it came in, not checked yet. */
export interface IncomingReference {
  readonly kind: ReferenceKind;
  readonly fact: unknown;
  /** When it was said, ISO 8601. */
  readonly at: string;
  readonly context: IntakeContext;
}

/** What became of a fact: accepted as new, known already, or why it was not taken. */
export type TakenReference =
  | { readonly outcome: 'accepted' | 'repeated'; readonly fact: MessageData[ReferenceKind] }
  | { readonly outcome: 'conflict' | 'refused'; readonly error: DomainError };

export class ReferenceIntake {
  constructor(
    private readonly runtime: ReferenceRuntime,
    private readonly rates: ExchangeRateCache,
  ) {}

  /** The results are in the order of the facts. When it returns, what is accepted is stored. */
  async take(batch: readonly IncomingReference[]): Promise<readonly TakenReference[]> {
    const judged = batch.map(judge);
    const work = judged.flatMap((one) => (one instanceof DomainError ? [] : [one]));
    const handled = (await this.runtime.handleMany(work)).values();
    return judged.map((one): TakenReference => {
      if (one instanceof DomainError) return { outcome: 'refused', error: one };
      const result = handled.next().value;
      if (result === undefined) throw new Error('the runtime answered fewer commands than it was given');
      if (result.outcome === 'refused') {
        const { error } = result;
        return { outcome: error.code === 'FactConflict' ? 'conflict' : 'refused', error };
      }
      this.rates.take(result.stored);
      return { outcome: result.stored.length > 0 ? 'accepted' : 'repeated', fact: factOf(one.command) };
    });
  }
}

type ReferenceWork = Work<Exclude<ReferenceCommand, { readonly partner: unknown }>>;

function factOf(command: ReferenceWork['command']): MessageData[ReferenceKind] {
  return 'quota' in command ? command.quota : command.exchangeRate;
}

/** A command for the stream of the fact, or why there is none. */
function judge({ kind, fact, at, context }: IncomingReference): ReferenceWork | DomainError {
  try {
    switch (kind) {
      case 'exchange-rate': {
        assertMessageData(kind, fact, 'FactInvalid');
        const exchangeRate = normalExchangeRate(fact);
        const stream = exchangeRateStream(exchangeRate.base, exchangeRate.quote);
        return { stream, command: { exchangeRate, at }, context: { ...context, cause: causeOf(exchangeRate) } };
      }
      case 'quota': {
        assertMessageData(kind, fact, 'FactInvalid');
        const quota = normalQuota(fact);
        const stream = quotaStream(quota.payee, quota.plan);
        return { stream, command: { quota, at }, context: { ...context, cause: causeOf(quota) } };
      }
    }
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

function causeOf(fact: object): string {
  return sha256(canonicalJson(fact));
}
