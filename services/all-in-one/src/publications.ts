/** What all services publish: each thread reads the topics of the others as views of the log. */
import { COMMISSIONS, CREDITS } from '@tantieme/commission-calculation/events-out';
import { DEALS } from '@tantieme/deal-ingestion/deal/deal.events-out';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { PARTNERS } from '@tantieme/partner-registry/partner/partner.events-out';
import { PAYOUTS } from '@tantieme/payouts/account/account.events-out';
import { PAYOUTS_CLOSINGS } from '@tantieme/payouts/statement-run/statement-run.events-out';
import { REWARDS } from '@tantieme/rewards/events-out';
import { REWARDS_CLOSINGS } from '@tantieme/rewards/period/period.events-out';

export const PUBLICATIONS: readonly Publication[] = [
  PARTNERS,
  DEALS,
  CREDITS,
  COMMISSIONS,
  REWARDS,
  PAYOUTS,
  REWARDS_CLOSINGS,
  PAYOUTS_CLOSINGS,
];
