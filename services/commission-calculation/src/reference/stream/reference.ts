/**
 * Facts that deals and earnings refer to: partners as whole snapshots from partner-registry, of which the newest
 * revision counts; exchange rates and quotas as sets of facts, which may come late and in any order.
 */
import type { Partner } from '@tantieme/contracts/partner';
import type { ExchangeRateFact, QuotaFact } from '@tantieme/contracts/reference';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { identityOfRate, rateKey, recordExchangeRate } from '../facts/exchange-rate.js';
import type { ExchangeRateRecorded } from '../facts/exchange-rate.js';
import { identityOfQuota, quotaKey, recordQuota } from '../facts/quota.js';
import type { QuotaRecorded } from '../facts/quota.js';
import { isRecordedAs } from '../facts/withdrawal.js';
import { REFERENCE } from './reference-keys.js';

export type ReferenceCommand = RecordPartner | RecordExchangeRate | RecordQuota;
export type ReferenceEvent = PartnerSnapshotReceived | ExchangeRateRecorded | QuotaRecorded;

/** @param exchangeRate in its normal form */
export interface RecordExchangeRate {
  readonly exchangeRate: ExchangeRateFact;
  readonly at: string;
  /** Of a withdrawal: what a file states. What is recorded otherwise, or was replaced, stays. */
  readonly expected?: ExchangeRateFact;
}

/** @param quota in its normal form */
export interface RecordQuota {
  readonly quota: QuotaFact;
  readonly at: string;
  /** As for {@link RecordExchangeRate}. */
  readonly expected?: QuotaFact;
}

export interface RecordPartner {
  readonly partner: Partner;
  /** Stream and revision in partner-registry: the newest counts. */
  readonly origin: Origin;
  readonly at: string;
}

/** Where a message's state comes from: a stream of another service, and the revision in it. */
export interface Origin {
  readonly stream: string;
  readonly revision: number;
}

export interface PartnerSnapshotReceived {
  readonly type: 'PartnerSnapshotReceived';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Omit<RecordPartner, 'at'>;
}

/** A stream holds one kind: a partner, a pair of currencies, or the quotas of a payee under a plan. */
export interface ReferenceState {
  readonly partner?: Partner;
  readonly originRevision: number;
  /** By `identityOfRate`. */
  readonly rates?: Map<string, ExchangeRateFact>;
  /** By `identityOfQuota`. */
  readonly quotas?: Map<string, QuotaFact>;
}

export const REFERENCE_EVENTS: EventTypes<ReferenceEvent> = {
  PartnerSnapshotReceived: { version: 1 },
  ExchangeRateRecorded: { version: 1 },
  QuotaRecorded: { version: 1 },
};

export const referenceDecider: Decider<ReferenceState, ReferenceCommand, ReferenceEvent> = {
  category: REFERENCE,
  events: REFERENCE_EVENTS,
  initialState: () => ({ originRevision: -1 }),
  decide(command, { originRevision, rates = new Map(), quotas = new Map() }): readonly ReferenceEvent[] {
    if ('exchangeRate' in command) {
      const { exchangeRate, at, expected } = command;
      if (expected !== undefined && !isRecordedAs(expected, rates, identityOfRate, rateKey)) return [];
      return recordExchangeRate(exchangeRate, at, rates);
    }
    if ('quota' in command) {
      const { quota, at, expected } = command;
      if (expected !== undefined && !isRecordedAs(expected, quotas, identityOfQuota, quotaKey)) return [];
      return recordQuota(quota, at, quotas);
    }
    const { partner, origin, at } = command;
    if (origin.revision <= originRevision) return [];
    return [{ type: 'PartnerSnapshotReceived', version: 1, occurredAt: at, data: { partner, origin } }];
  },
  evolve(state, { type, data }) {
    switch (type) {
      case 'PartnerSnapshotReceived':
        return { partner: data.partner, originRevision: data.origin.revision };
      case 'ExchangeRateRecorded': {
        const { rates = new Map<string, ExchangeRateFact>() } = state;
        return { ...state, rates: rates.set(identityOfRate(data.exchangeRate), data.exchangeRate) };
      }
      case 'QuotaRecorded': {
        const { quotas = new Map<string, QuotaFact>() } = state;
        return { ...state, quotas: quotas.set(identityOfQuota(data.quota), data.quota) };
      }
    }
  },
  commandOf({ type, occurredAt: at, data }) {
    switch (type) {
      case 'PartnerSnapshotReceived':
        return { partner: data.partner, origin: data.origin, at };
      case 'ExchangeRateRecorded':
        return { exchangeRate: data.exchangeRate, at };
      case 'QuotaRecorded':
        return { quota: data.quota, at };
    }
  },
};
