/** What this service publishes on `rewards`: bonuses when a period closes, and the pages of its manifest. */
import { TOPICS } from '@tantieme/contracts/topics';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { categoryOf } from '@tantieme/event-store/event-store';

import { bonusMessagesOf, PUBLISHED_BONUS_EVENTS } from './bonus/bonus.events-out.js';
import { BONUS } from './bonus/bonus.js';
import { manifestMessagesOf, PUBLISHED_PERIOD_EVENTS } from './period/period.events-out.js';
import { REWARDS_PERIOD } from './period/period.js';

export const REWARDS: Publication = {
  name: 'rewards-relay',
  topic: TOPICS.rewards,
  filter: { categories: [BONUS, REWARDS_PERIOD], types: [...PUBLISHED_BONUS_EVENTS, ...PUBLISHED_PERIOD_EVENTS] },
  toMessages: (stored) => (categoryOf(stored.stream) === BONUS ? bonusMessagesOf(stored) : manifestMessagesOf(stored)),
};
