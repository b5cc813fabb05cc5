/** Which service publishes which messages on which topic, and which services consume them. */
import type { MessageType } from './schemas.js';
import { TOPICS } from './topics.js';

export interface Channel {
  readonly topic: string;
  readonly summary: string;
  /** The key of each type of message on the topic. */
  readonly messages: Readonly<Partial<Record<MessageType, string>>>;
  /** The service that publishes; absent when outside systems do. */
  readonly publisher?: string;
  /** Services that consume, with their consumer group; empty when only outside systems do. */
  readonly consumers: readonly { readonly service: string; readonly group: string }[];
}

export const CHANNELS: readonly Channel[] = [
  {
    topic: TOPICS.dealsInbound,
    summary: 'Facts of deals: in any order, late, and repeated as often as you like',
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
    summary: 'Answers of finance to payouts: settlements and failures, with revisions',
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
    summary: 'All earnings of a payee from a deal, the manifests of closed periods, and steps of their reopening',
    messages: { 'earnings-of-deal': 'payee', 'period-manifest': 'calendar', 'closing-step': 'calendar' },
    publisher: 'commission-calculation',
    consumers: [
      { service: 'rewards', group: 'rewards' },
      { service: 'payouts', group: 'payouts' },
    ],
  },
  {
    topic: TOPICS.rewards,
    summary: 'All bonuses of a participant from a programme in a window, and the manifests of closed periods',
    messages: { 'bonus-of-window': 'payee', 'period-manifest': 'calendar' },
    publisher: 'rewards',
    consumers: [{ service: 'payouts', group: 'payouts' }],
  },
  {
    topic: TOPICS.rewardsClosings,
    summary: 'Steps of closings in rewards',
    messages: { 'closing-step': 'calendar' },
    publisher: 'rewards',
    consumers: [{ service: 'commission-calculation', group: 'commission-closing-steps' }],
  },
  {
    topic: TOPICS.payouts,
    summary: 'For finance: statements that are issued or withdrawn, payouts that are due, and recorded payments',
    messages: {
      'statement-issued': 'payee',
      'statement-withdrawn': 'payee',
      'payout-due': 'payee',
      'payment-recorded': 'payee',
    },
    publisher: 'payouts',
    consumers: [],
  },
  {
    topic: TOPICS.payoutsClosings,
    summary: 'Steps of closings in payouts',
    messages: { 'closing-step': 'calendar' },
    publisher: 'payouts',
    consumers: [{ service: 'commission-calculation', group: 'commission-closing-steps' }],
  },
];
