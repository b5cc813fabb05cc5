/**
 * Kills the real all-in-one (SIGKILL) at random moments while deals are imported, periods closed and statements
 * approved, and compares statements and payouts with those of a run without kills.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { printFigures } from '@tantieme/commission-engine/bench/figures';
import { Driver } from '../driver.js';
import { verifyFile } from '../verify/verify-file.js';
import { startCommand } from './command.js';
import { CALENDAR, partnersOf, PLAN } from './history.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    times: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
});
const times = Number(options.times);

/** Small months, so that kills fall into imports, closings and approvals alike. */
const DEALS_PER_MONTH = 60;
const IMPORTS_PER_MONTH = 3;
const PAYEES = 20;
const START = Temporal.PlainYearMonth.from('2020-01');
const MONTHS_MIN = 3;
/** A kill comes this long after the server listens, or after its start. */
const KILL_MS_MAX = 1_500;
/** Share of the kills that come while the server starts. */
const STARTING_SHARE = 0.2;
const POLL_MS = 20;

/** Pseudo-random numbers from 0 to below 1, fixed by the seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

type Step = (driver: Driver) => Promise<unknown>;

/** Each step may be repeated, and is over once it has succeeded. */
function* stepsOf(month: number): Generator<Step> {
  const period = START.add({ months: month }).toString();
  for (let part = 0; part < IMPORTS_PER_MONTH; part += 1) {
    const facts = factsOf(month, part);
    yield (driver) => driver.import(facts);
  }
  // Every fact has to be settled, so that both runs close between the same facts.
  yield (driver) => driver.awaitIdle();
  yield (driver) => closeOnce(driver, period);
  yield (driver) =>
    driver.text('approver', 'POST', '/statements/approve', JSON.stringify({ calendar: CALENDAR, period }));
}

async function prepare(driver: Driver): Promise<void> {
  const partners = partnersOf(PAYEES).map((text) => text.replaceAll('2026-01-01', `${START.toString()}-01`));
  await driver.registerPartners(partners.join('\n'));
  // Drafting, approving or publishing again changes nothing; a kill may have come between any two of them.
  await driver.publishPlan(PLAN, `${START.toString()}-01`);
  await driver.awaitIdle();
}

/** NDJSON: deals of two lines, and a return for every seventh. */
function factsOf(month: number, part: number): string {
  const facts: object[] = [];
  for (let n = part; n < DEALS_PER_MONTH; n += IMPORTS_PER_MONTH) {
    const index = month * DEALS_PER_MONTH + n;
    const identity = { source: 'kill', deal: `D-${index}` };
    const day = START.add({ months: month })
      .toPlainDate({ day: 1 + (n % 27) })
      .toString();
    const cents = 1000 + ((index * 104_729) % 90_000);
    facts.push({
      ...identity,
      kind: 'booked',
      occurredAt: `${day}T08:00:00Z`,
      terms: {
        currency: 'EUR',
        lines: [
          { id: '1', category: 'hardware', quantity: '1', net: (cents / 100).toFixed(2) },
          { id: '2', category: 'service', quantity: '2', net: ((cents + 1234) / 100).toFixed(2) },
        ],
        partners: [{ role: 'seller', partner: `payee-${2 + ((index * 7919) % (PAYEES - 2))}` }],
      },
    });
    if (n % 7 === 2)
      facts.push({
        ...identity,
        kind: 'returned',
        id: 'R1',
        occurredAt: `${day}T09:00:00Z`,
        lines: [{ line: '1', net: '5.55' }],
      });
  }
  return facts.map((fact) => JSON.stringify(fact)).join('\n');
}

/** A closing that a kill has interrupted goes on by itself. */
async function closeOnce(driver: Driver, period: string): Promise<void> {
  const path = `/periods/${encodeURIComponent(CALENDAR)}/${period}`;
  const state = await stateOf(driver, path);
  if (state === undefined || state === 'open') return driver.close(CALENDAR, period);
  while ((await stateOf(driver, path)) !== 'closed') await pause(POLL_MS);
  const run = `/statement-runs/${encodeURIComponent(CALENDAR)}/${period}`;
  while ((await stateOf(driver, run)) !== 'issued') await pause(POLL_MS);
}

async function stateOf(driver: Driver, path: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await driver.text('auditor', 'GET', path)) as { readonly state: string }).state;
  } catch (error) {
    if (String(error).includes(': 404 ')) return undefined;
    throw error;
  }
}

/** What people were promised and paid: each statement line and each payout, to be counted. */
async function outcomesOf(driver: Driver, months: number): Promise<readonly string[]> {
  await driver.awaitIdle();
  const outcomes: string[] = [];
  for (let month = 0; month < months; month += 1) {
    const text = await driver.statements(CALENDAR, START.add({ months: month }).toString());
    for (const statement of text.trim().split('\n').filter(Boolean)) {
      const { id, payable, lines } = JSON.parse(statement) as { id: string; payable: string; lines: readonly object[] };
      outcomes.push(`${id} ${payable}`, ...lines.map((line) => `${id} ${JSON.stringify(line)}`));
    }
  }
  for (let cursor = ''; ;) {
    const path = `/payouts?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = JSON.parse(await driver.text('finance', 'GET', path)) as {
      items: { id: string; amount: string }[];
      next?: string;
    };
    outcomes.push(...page.items.map(({ id, amount }) => `${id} ${amount}`));
    if (page.next === undefined) return outcomes;
    cursor = page.next;
  }
}

interface Life {
  readonly driver: Driver | undefined;
  readonly ended: Promise<number | null>;
  readonly stop: () => void;
}

/** @param killAfterMs after the start or, with `isListening`, after it listens; undefined for no kill. */
async function live(
  directory: string,
  kill: { readonly afterMs: number; readonly isListening: boolean } | undefined,
): Promise<Life> {
  const { child, url, ended, lastLine } = startCommand(directory);
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => void (timer = setTimeout(() => child.kill('SIGKILL'), kill?.afterMs));
  if (kill?.isListening === false) arm();
  const address = await url;
  if (address === undefined) {
    clearTimeout(timer);
    const code = await ended;
    if (code !== null) throw new Error(`the server ended with code ${code}: ${lastLine()}`);
    return { driver: undefined, ended, stop: () => undefined };
  }
  if (kill?.isListening === true) arm();
  return {
    driver: new Driver(address, directory),
    ended,
    stop: () => {
      clearTimeout(timer);
      child.kill('SIGTERM');
    },
  };
}

/** Runs months until all kills have happened, then to the end of the month. */
async function runWithKills(
  directory: string,
): Promise<{ months: number; kills: number; outcomes: readonly string[] }> {
  const random = randomOf(Number(options.seed));
  let kills = 0;
  let life: Life | undefined;
  const next = async (): Promise<Life> => {
    for (;;) {
      const kill = { afterMs: random() * KILL_MS_MAX, isListening: random() >= STARTING_SHARE };
      const started = await live(directory, kills < times ? kill : undefined);
      if (started.driver !== undefined) return started;
      kills += 1;
    }
  };
  const done = async (step: Step): Promise<void> => {
    for (;;) {
      life ??= await next();
      const { driver, ended } = life;
      if (driver === undefined) throw new Error('a life without a server');
      const dead = ended.then(() => 'dead' as const);
      // A step that fails because of the kill rejects a little before the process has ended.
      const result = await Promise.race([step(driver).then(() => 'done' as const), dead]).catch(
        (error: unknown) => error,
      );
      if (result === 'done') return;
      const wasKilled = await Promise.race([dead, pause(2_000, 'alive' as const)]);
      if (wasKilled === 'alive') throw result;
      kills += 1;
      life = undefined;
    }
  };
  await done(prepare);
  let months = 0;
  for (; months < MONTHS_MIN || kills < times; months += 1) for (const step of stepsOf(months)) await done(step);
  let outcomes: readonly string[] = [];
  await done(async (driver) => (outcomes = await outcomesOf(driver, months)));
  life?.stop();
  await life?.ended;
  return { months, kills, outcomes };
}

async function runWithout(directory: string, months: number): Promise<readonly string[]> {
  const { driver, stop, ended } = await live(directory, undefined);
  if (driver === undefined) throw new Error('the server did not start');
  await prepare(driver);
  for (let month = 0; month < months; month += 1) for (const step of stepsOf(month)) await step(driver);
  const outcomes = await outcomesOf(driver, months);
  stop();
  await ended;
  return outcomes;
}

function countsOf(outcomes: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return counts;
}

/** How many of `some` are not in `others`. */
function missing(some: readonly string[], others: readonly string[]): number {
  const there = countsOf(others);
  let sum = 0;
  for (const [outcome, count] of countsOf(some)) sum += Math.max(0, count - (there.get(outcome) ?? 0));
  return sum;
}

const directories = ['killed', 'whole'].map((name) => mkdtempSync(join(tmpdir(), `tantieme-kill-${name}-`)));
const [killedIn = '', wholeIn = ''] = directories;
try {
  const startedMs = performance.now();
  const { months, kills, outcomes } = await runWithKills(killedIn);
  const { differenceCount } = await verifyFile(join(killedIn, 'events.sqlite'));
  const expected = await runWithout(wholeIn, months);
  if (expected.length < months * DEALS_PER_MONTH)
    throw new Error(`only ${expected.length} outcomes in ${months} months`);
  const figures = {
    kills,
    lost: missing(expected, outcomes),
    double: missing(outcomes, expected),
    verifyDifferences: differenceCount,
    outcomes: outcomes.length,
    months,
    seed: Number(options.seed),
    seconds: Math.round((performance.now() - startedMs) / 1000),
  };
  printFigures(figures, options.json);
  if (figures.lost + figures.double + figures.verifyDifferences > 0) process.exitCode = 1;
} finally {
  for (const directory of directories) rmSync(directory, { recursive: true });
}
