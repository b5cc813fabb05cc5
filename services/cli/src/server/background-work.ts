/** Waits for background work of the server: calculation, a closing. */
import { setTimeout as pause } from 'node:timers/promises';
import { startProgress } from '../output/progress.js';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { dataOf } from './client.js';
import type { Api } from './client.js';

const POLL_MS = 50;

/** Waits until every background work has handled everything that is stored: no lag, twice in a row. */
export async function caughtUp(operator: Api, title: string): Promise<void> {
  const progress = startProgress(title, 0, 'events');
  let most = 0;
  for (let still = 0; still < 2;) {
    const { items } = await dataOf(operator.GET('/health/lag'));
    const behind = items.reduce((sum: number, { lag }: { lag?: string }) => sum + Number(lag ?? 0), 0);
    most = Math.max(most, behind);
    progress.update(most - behind, most);
    still = behind === 0 ? still + 1 : 0;
    if (still < 2) await pause(POLL_MS);
  }
  progress.stop();
}

/**
 * Closes a period and waits until its statements are issued.
 * @param force why it is closed although deals are pending
 */
export async function closePeriod(finance: Api, calendar: string, period: string, force?: string): Promise<void> {
  const params = { path: { calendar, period } };
  await dataOf(finance.POST('/periods/{calendar}/{period}/close', { params, body: omitUndefined({ force }) }));
  while ((await dataOf(finance.GET('/periods/{calendar}/{period}', { params }))).state !== 'closed')
    await pause(POLL_MS);
  while ((await dataOf(finance.GET('/statement-runs/{calendar}/{period}', { params }))).state !== 'issued')
    await pause(POLL_MS);
}
