/** Who says what on which topic, and who listens: the roles of the integration events. */
import type { MessageType } from './schemas.js';
import { TOPICS } from './topics.js';

export interface Channel {
  readonly topic: string;
  readonly summary: string;
  /** What each type of message on it is keyed by. */
  readonly messages: Readonly<Partial<Record<MessageType, string>>>;
  /** The service that publishes; undefined where the world does. */
  readonly publisher?: string;
  /** Services that consume, with their consumer group; empty where only the world does. */
  readonly consumers: readonly { readonly service: string; readonly group: string }[];
}

export const CHANNELS: readonly Channel[] = [
  {
    topic: TOPICS.dealsInbound,
    summary: 'Facts of deals, in any order, late, and as often as you like',
    messages: { 'deal-fact': 'source|deal' },
    consumers: [{ service: 'deal-ingestion', group: 'deal-ingestion' }],
  },
  {
    topic: TOPICS.referencesInbound,
    summary: 'Exchange rates and quotas, with revisions',
    messages: { 'exchange-rate': 'pair of currencies', quota: 'payee' },
    consumers: [{ service: 'commission-calculation', group: 'commission-reference' }],
  },
  {
    topic: TOPICS.paymentsInbound,
    summary: 'What finance answers to payouts: settlements and failures, with revisions',
    messages: { payment: 'payout' },
    consumers: [{ service: 'payouts', group: 'payouts' }],
  },
  {
    topic: TOPICS.deals,
    summary: 'The whole deal after each of its facts',
    messages: { deal: 'source|deal' },
    publisher: 'deal-ingestion',
    consumers: [{ service: 'commission-calculation', group: 'commission-credit' }],
  },
  {
    topic: TOPICS.partners,
    summary: 'The whole partner after each change',
    messages: { partner: 'partner' },
    publisher: 'partner-registry',
    consumers: [
      { service: 'commission-calculation', group: 'commission-reference' },
      { service: 'rewards', group: 'rewards-partners' },
    ],
  },
  {
    topic: TOPICS.commissions,
    summary: 'What payees earn by each deal, whole, and what belongs to a period that was closed',
    messages: { 'earnings-of-deal': 'payee', 'period-manifest': 'calendar' },
    publisher: 'commission-calculation',
    consumers: [
      { service: 'rewards', group: 'rewards' },
      { service: 'payouts', group: 'payouts' },
    ],
  },
  {
    topic: TOPICS.rewards,
    summary: 'What participants get from programmes, whole, and what belongs to a period that was closed',
    messages: { 'bonus-of-window': 'payee', 'period-manifest': 'calendar' },
    publisher: 'rewards',
    consumers: [{ service: 'payouts', group: 'payouts' }],
  },
  {
    topic: TOPICS.payouts,
    summary: 'For finance: statements that were issued, payouts that are due, and payments as they were taken',
    messages: { 'statement-issued': 'payee', 'payout-due': 'payee', 'payment-recorded': 'payee' },
    publisher: 'payouts',
    consumers: [],
  },
];
