/** Waiting for what runs behind the API: the pipeline, a closing. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '../client.js';
import { startProgress } from '../progress.js';

const PAUSE_MS = 50;

interface Work {
  readonly name: string;
  /** Events or messages left to do, as decimal text. */
  readonly lag?: string;
}

/** Waits until everything that was stored has been carried to its end: no reader is behind, twice in a row. */
export async function settled(operator: Client, title: string): Promise<void> {
  const progress = startProgress(title, 0, 'events');
  let most = 0;
  for (let still = 0; still < 2;) {
    const { items } = await operator.get<{ items: readonly Work[] }>('/health/lag');
    const behind = items.reduce((sum, { lag }) => sum + Number(lag ?? 0), 0);
    most = Math.max(most, behind);
    progress.update(most - behind, most);
    still = behind === 0 ? still + 1 : 0;
    if (still < 2) await pause(PAUSE_MS);
  }
  progress.stop();
}

/** Closes a period and waits until its statements are issued. */
export async function closePeriod(operator: Client, calendar: string, period: string): Promise<void> {
  const path = `/periods/${encodeURIComponent(calendar)}/${period}`;
  await operator.post(`${path}/close`);
  while ((await operator.get<{ state: string }>(path)).state !== 'closed') await pause(PAUSE_MS);
  while (
    (await operator.get<{ state: string }>(`/statement-runs/${encodeURIComponent(calendar)}/${period}`)).state !==
    'issued'
  )
    await pause(PAUSE_MS);
}
