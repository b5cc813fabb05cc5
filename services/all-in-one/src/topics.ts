import { CREDITS_TOPIC } from '@tantieme/commission-calculation/credit/credit.events-out';
import { TOPICS } from '@tantieme/contracts/topics';

/** Every topic that the services publish to or read; topics of dead letters come into being with the first of them. */
export const ALL_TOPICS: readonly string[] = [...Object.values(TOPICS), CREDITS_TOPIC];
