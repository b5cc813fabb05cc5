import { CREDITS_TOPIC } from '@tantieme/commission-calculation/credit/credit.events-out';
import { TOPICS } from '@tantieme/contracts/topics';

/** All topics that the services publish to or read. */
export const ALL_TOPICS: readonly string[] = [...Object.values(TOPICS), CREDITS_TOPIC];
