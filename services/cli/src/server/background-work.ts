/** Waits for background work of the server: calculation, a closing. */
import { setTimeout as pause } from 'node:timers/promises';
import { startProgress } from '../output/progress.js';
import { dataOf } from './client.js';
import type { Api, Schemas } from './client.js';

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

/** Closes a period, one person proposing and another confirming it, and waits until its statements are issued. */
export async function closePeriod(finance: Api, approver: Api, calendar: string, period: string): Promise<void> {
  const path = { calendar, period };
  const { id } = await dataOf(finance.POST('/periods/{calendar}/{period}/close', { params: { path }, body: {} }));
  await dataOf(approver.POST('/commission-proposals/{id}/confirm', { params: { path: { id } } }));
  const { state, waitsFor } = await waitUntilSettled(finance, calendar, period);
  if (state !== 'closed') throw new Error(`${period} does not close; it waits for ${waitsFor ?? 'nothing'}`);
}

/** Waits until a closing or reopening that was confirmed has finished, or somebody has to act first. */
export async function waitUntilSettled(api: Api, calendar: string, period: string): Promise<Schemas['PeriodRead']> {
  const params = { path: { calendar, period } };
  for (;;) {
    const read = await dataOf(api.GET('/periods/{calendar}/{period}', { params }));
    const isUnderWay = read.state === 'closing' || read.state === 'reopening';
    if (!isUnderWay || read.unconfirmed !== undefined) {
      while (
        read.state === 'closed' &&
        (await dataOf(api.GET('/statement-runs/{calendar}/{period}', { params }))).state !== 'issued'
      )
        await pause(POLL_MS);
      return read;
    }
    await pause(POLL_MS);
  }
}
