/** Asks a running server what people and probes ask, again and again, and measures how long the answers take. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Driver } from '../driver.js';

/** Pause between two rounds: more than people and probes ask, but little beside the work itself. */
const PAUSE_MS = 250;

export interface Latencies {
  readonly healthMs: readonly number[];
  readonly pageMs: readonly number[];
}

interface Earning {
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
  readonly deal: string;
  readonly line: string;
}

/** Asks until the signal; an answer other than 2xx ends it with an error. */
export async function probe(driver: Driver, url: string, signal: AbortSignal): Promise<Latencies> {
  const healthMs: number[] = [];
  const pageMs: number[] = [];
  await Promise.all([
    repeat(signal, async () => {
      await timed(healthMs, () => publicText(`${url}/health/ready`));
      await timed(healthMs, () => driver.text('operator', 'GET', '/health/lag'));
      await timed(healthMs, () => publicText(`${url}/metrics`));
    }),
    repeat(signal, async () => {
      const page = <Item>(path: string): Promise<readonly Item[]> =>
        timed(pageMs, async () => (JSON.parse(await driver.text('auditor', 'GET', path)) as { items: Item[] }).items);
      await page('/deals');
      const earnings = await page<Earning>('/earnings?sort=deal');
      const earning = earnings[Math.floor(Math.random() * earnings.length)];
      if (earning !== undefined) await timed(pageMs, () => driver.text('auditor', 'GET', explanationOf(earning)));
      // The largest statement has the most lines.
      const [largest] = await page<{ readonly id: string }>('/statements?sort=-payable');
      if (largest !== undefined)
        await timed(pageMs, () => driver.text('auditor', 'GET', `/statements/${encodeURIComponent(largest.id)}`));
    }),
  ]);
  return { healthMs, pageMs };
}

/** @param share 0.99 for the 99th percentile */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}

function explanationOf({ payee, plan, component, deal, line }: Earning): string {
  return `/earnings/explain?${new URLSearchParams({ payee, plan, component, deal, line }).toString()}`;
}

async function publicText(url: string): Promise<string> {
  const answer = await fetch(url);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status} ${text}`);
  return text;
}

async function timed<Answer>(ms: number[], ask: () => Promise<Answer>): Promise<Answer> {
  const startedMs = performance.now();
  const answer = await ask();
  ms.push(performance.now() - startedMs);
  return answer;
}

async function repeat(signal: AbortSignal, round: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await round();
    await pause(PAUSE_MS);
  }
}
