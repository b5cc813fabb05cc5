import { Inject, Injectable } from '@nestjs/common';
import type { MessageData } from '@tantieme/contracts/envelope';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext, Work } from '@tantieme/event-sourcing/decide/runtime';
import { assertMessageData } from '@tantieme/service-kit/http/message-data';
import { ExchangeRateCache } from './cache/exchange-rate-cache.service.js';
import { normalExchangeRate } from './facts/exchange-rate.js';
import { normalQuota } from './facts/quota.js';
import { isWithdrawal } from './facts/withdrawal.js';
import { exchangeRateStream, quotaStream } from './stream/reference-keys.js';
import { REFERENCE_RUNTIME } from './stream/reference-runtime.service.js';
import type { ReferenceRuntime } from './stream/reference-runtime.service.js';
import { referenceDecider } from './stream/reference.js';
import type { RecordExchangeRate, RecordQuota, ReferenceState } from './stream/reference.js';

export type ReferenceKind = 'exchange-rate' | 'quota';

/** Without a cause: the ids of the events are computed from the fact's content. */
export type RecordingContext = Omit<CommandContext, 'cause'>;

/** A fact as received, not validated yet. */
export interface IncomingReference {
  readonly kind: ReferenceKind;
  readonly fact: unknown;
  /** When its source stated it, ISO 8601. */
  readonly at: string;
  readonly context: RecordingContext;
  /** True: the fact is withdrawn, if it is recorded so and was not replaced. */
  readonly withdraw?: boolean;
}

/** Accepted as new, repeated, or refused with the reason. */
export type RecordedReference =
  | { readonly outcome: 'accepted' | 'repeated'; readonly fact: MessageData[ReferenceKind] }
  | { readonly outcome: 'conflict' | 'refused'; readonly error: DomainError };

type ReferenceWork = Work<RecordExchangeRate | RecordQuota>;

/**
 * The only way into the log for exchange rates and quotas, over HTTP, from a file or from the broker: validates them,
 * decides and appends in batches. A repeated fact adds nothing.
 */
@Injectable()
export class ReferenceRecorder {
  constructor(
    @Inject(REFERENCE_RUNTIME) private readonly runtime: ReferenceRuntime,
    @Inject(ExchangeRateCache) private readonly rates: ExchangeRateCache,
  ) {}

  /** @returns results in the order of the facts; accepted facts are stored by then */
  async record(batch: readonly IncomingReference[]): Promise<readonly RecordedReference[]> {
    const validated = batch.map(workOf);
    const work = validated.flatMap((one) => (one instanceof DomainError ? [] : [one]));
    const handled = (await this.runtime.handleMany(work)).values();
    return validated.map((one): RecordedReference => {
      if (one instanceof DomainError) return { outcome: 'refused', error: one };
      const result = handled.next().value;
      if (result === undefined) throw new Error('the runtime returned fewer results than commands');
      if (result.outcome === 'refused') return refusedBy(result.error);
      this.rates.record(result.stored);
      return { outcome: result.stored.length > 0 ? 'accepted' : 'repeated', fact: factOf(one.command) };
    });
  }

  /** Answers as {@link record} would, and writes nothing. What it accepted counts as recorded for the next facts. */
  dryRun(): Pick<ReferenceRecorder, 'record'> {
    const states = new Map<string, ReferenceState>();
    const stateOf = async (stream: string): Promise<ReferenceState> => {
      const state = states.get(stream) ?? structuredClone((await this.runtime.load(stream)).state);
      states.set(stream, state);
      return state;
    };
    return {
      record: async (batch) => {
        const results: RecordedReference[] = [];
        for (const work of batch.map(workOf))
          results.push(
            work instanceof DomainError
              ? { outcome: 'refused', error: work }
              : decideOne(work, await stateOf(work.stream), states),
          );
        return results;
      },
    };
  }
}

function decideOne(
  { stream, command }: ReferenceWork,
  state: ReferenceState,
  states: Map<string, ReferenceState>,
): RecordedReference {
  try {
    const events = referenceDecider.decide(command, state);
    states.set(stream, events.reduce(referenceDecider.evolve, state));
    return { outcome: events.length > 0 ? 'accepted' : 'repeated', fact: factOf(command) };
  } catch (error) {
    if (error instanceof DomainError) return refusedBy(error);
    throw error;
  }
}

function refusedBy(error: DomainError): RecordedReference {
  return { outcome: error.code === 'FactConflict' ? 'conflict' : 'refused', error };
}

function factOf(command: ReferenceWork['command']): MessageData[ReferenceKind] {
  return 'quota' in command ? command.quota : command.exchangeRate;
}

/** A command for the stream of the fact, or the reason to refuse it. */
function workOf({ kind, fact, at, context, withdraw }: IncomingReference): ReferenceWork | DomainError {
  try {
    switch (kind) {
      case 'exchange-rate': {
        assertMessageData(kind, fact, 'FactInvalid');
        const exchangeRate = normalExchangeRate(fact);
        const stream = exchangeRateStream(exchangeRate.base, exchangeRate.quote);
        if (withdraw !== true || isWithdrawal(exchangeRate))
          return { stream, command: { exchangeRate, at }, context: { ...context, cause: causeOf(exchangeRate) } };
        const withdrawal = normalExchangeRate({ ...exchangeRate, withdrawn: 'revision' as const });
        return {
          stream,
          command: { exchangeRate: withdrawal, at, expected: exchangeRate },
          context: { ...context, cause: causeOf(withdrawal) },
        };
      }
      case 'quota': {
        assertMessageData(kind, fact, 'FactInvalid');
        const quota = normalQuota(fact);
        const stream = quotaStream(quota.payee, quota.plan);
        if (withdraw !== true || isWithdrawal(quota))
          return { stream, command: { quota, at }, context: { ...context, cause: causeOf(quota) } };
        const withdrawal = normalQuota({ ...quota, withdrawn: 'revision' as const });
        return {
          stream,
          command: { quota: withdrawal, at, expected: quota },
          context: { ...context, cause: causeOf(withdrawal) },
        };
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
