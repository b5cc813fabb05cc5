/**
 * A line-heavy history through the all-in-one: how processor time grows with the lines, how much memory it takes, and
 * how fast health, pages and closings answer meanwhile. Each month is imported, settled and closed before the next.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printFigures } from '@tantieme/commission-engine/bench/figures';
import { LINE_CALENDAR, LINE_PLAN, lineHistory } from './line-history.js';
import { percentile, probe } from './probes.js';
import { startServerProcess } from './server-process.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    lines: { type: 'string', default: '540000' },
    /** Node's options of the server, such as `--cpu-prof --cpu-prof-dir=profiles`. */
    node: { type: 'string', default: '' },
    verbose: { type: 'boolean', default: false },
  },
});

/** Processor time per line is compared with what it was after this share of the lines: 10⁵ of 5·10⁵. */
const FIRST_SHARE = 1 / 5;

const lines = Number(options.lines);
const history = await lineHistory(lines);
const directory = mkdtempSync(join(tmpdir(), 'tantieme-lines-'));
try {
  const { driver, url, use, stop } = await startServerProcess(directory, options.node.split(' ').filter(Boolean));
  await driver.registerPartners(history.partners);
  await driver.publishPlan(LINE_PLAN, '2016-01-01');
  await driver.awaitIdle();

  const ended = new AbortController();
  const probing = probe(driver, url, ended.signal);
  const startedMs = performance.now();
  const { cpuSeconds: before } = await use();
  const cpuSeconds = async (): Promise<number> => (await use()).cpuSeconds - before;
  const closings: number[] = [];
  let settled = 0;
  let first: { readonly lines: number; readonly cpuPerLine: number } | undefined;
  for (const { period, chunks } of history.months) {
    for (const { facts, lines: imported } of chunks) {
      const { refused } = await driver.import(facts);
      if (refused) throw new Error(`${refused} facts of ${period} were refused`);
      settled += imported;
      if (first !== undefined || settled < lines * FIRST_SHARE) continue;
      await driver.awaitIdle();
      first = { lines: settled, cpuPerLine: (await cpuSeconds()) / settled };
    }
    await driver.awaitIdle();
    const closingMs = performance.now();
    await driver.close(LINE_CALENDAR, period);
    closings.push((performance.now() - closingMs) / 1000);
    if (options.verbose)
      process.stderr.write(
        `${period} ${settled} lines, ${(await cpuSeconds()).toFixed(1)} CPU s, ${((await use()).peakBytes / 1e6).toFixed(0)} MB, closed in ${closings.at(-1)?.toFixed(2)} s, ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`,
      );
  }
  await driver.awaitIdle();
  const cpu = await cpuSeconds();
  const seconds = (performance.now() - startedMs) / 1000;
  ended.abort();
  const { healthMs, pageMs } = await probing;
  const pending = JSON.parse(await driver.text('operator', 'GET', '/pending-deals?limit=1')) as { items: unknown[] };
  if (pending.items.length > 0) throw new Error(`a deal is pending: ${JSON.stringify(pending.items)}`);
  const { peakBytes } = await stop();

  const cpuPerLine = cpu / settled;
  printFigures(
    {
      deals: history.deals,
      lines: settled,
      firstLines: first?.lines ?? 0,
      cpuMsPerLine: cpuPerLine * 1000,
      cpuPerLineGrowth: cpuPerLine / (first?.cpuPerLine ?? Number.NaN),
      linesPerSecond: settled / seconds,
      peakBytes,
      healthP99Ms: percentile(healthMs, 0.99),
      pageP95Ms: percentile(pageMs, 0.95),
      closings: closings.length,
      closingSeconds: Math.max(...closings),
    },
    options.json,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
