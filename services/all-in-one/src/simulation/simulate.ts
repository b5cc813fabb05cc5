/** `npm run simulate -- --seeds N --from M`: runs the world of each seed, and prints what went wrong. */
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { printFigures } from '@tantieme/commission-engine/bench/figures';

import { SCENARIOS } from './scenario.js';
import { simulate } from './world.js';
import type { Outcome, Play } from './world.js';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '0' },
    /** How many seeds run twice, for the same trace: every tenth by default. */
    'same-trace': { type: 'string' },
    /** A file of what runs without faults answer: written if it does not exist. */
    baseline: { type: 'string' },
    /** Processes at the same time: as many as there are cores by default. */
    jobs: { type: 'string', default: String(availableParallelism()) },
    /** Ends at the first violation. */
    'until-found': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

/** Seeds of one process: killed servers leave some megabytes behind. */
const SHARD_SEEDS = 25;

const REPEATED_EVERY = 10;

interface Figures {
  readonly seeds: number;
  readonly steps: number;
  readonly violations: number;
  /** Of the seeds that ran twice, those with the same trace both times. */
  readonly same: number;
  readonly repeated: number;
}

const from = Number(options.from);
const to = from + Number(options.seeds);

if (process.send !== undefined) {
  process.send(await runSeeds(await loadBaselines(options.baseline)), () => process.exit());
  await new Promise(() => undefined);
}

const directory = mkdtempSync(join(tmpdir(), 'tantieme-simulate-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const baseline = options.baseline ?? join(directory, 'baseline.json');
await loadBaselines(baseline);
const repeatedMax = Number(options['same-trace'] ?? Math.ceil((to - from) / REPEATED_EVERY));
const results: Figures[] = [];
const isOver = (): boolean => options['until-found'] && results.some(({ violations }) => violations > 0);
const jobs = Number(options.jobs);
const shardSeeds = Math.min(SHARD_SEEDS, Math.ceil((to - from) / jobs));
let [next, repeats] = [from, repeatedMax];
await Promise.all(
  Array.from({ length: jobs }, async () => {
    while (next < to && !isOver()) {
      const [first, seeds] = [next, Math.min(shardSeeds, to - next)];
      // Spread over all processes.
      const repeated = Math.min(repeats, Math.ceil((seeds * repeatedMax) / (to - from)));
      next += seeds;
      repeats -= repeated;
      results.push(await shard(first, seeds, repeated));
    }
  }),
);
const sum = (name: keyof Figures): number => results.reduce((total, figures) => total + figures[name], 0);
const violations = sum('violations');
const sameTrace = `${sum('same')} of ${sum('repeated')}`;
printFigures({ seeds: sum('seeds'), steps: sum('steps'), violations, sameTrace }, options.json);
process.exit(violations === 0 ? 0 : 1);

/** Runs some of the seeds in a process of its own. */
function shard(first: number, seeds: number, repeated: number): Promise<Figures> {
  const args = ['--from', first, '--seeds', seeds, '--same-trace', repeated, '--baseline', baseline].map(String);
  for (const name of ['until-found', 'verbose'] as const) if (options[name]) args.push(`--${name}`);
  const child = fork(fileURLToPath(import.meta.url), args);
  return new Promise((done, fail) => {
    child.once('message', (figures) => done(figures as Figures));
    child.once('exit', (code) => fail(new Error(`the process of the seeds from ${first} ended with code ${code}`)));
  });
}

async function runSeeds(baselines: Readonly<Record<string, string>>): Promise<Figures> {
  const faults = new Map<string, number>();
  let [seeds, steps, violations, same, repeated] = [0, 0, 0, 0, 0];
  const report = (outcome: Outcome, violation: string): void => {
    violations += 1;
    process.stderr.write(
      `${named(outcome)}, step ${outcome.steps}: ${violation}\nrepeat: npm run simulate -- --seeds 1 --from ${outcome.seed}\n`,
    );
  };
  const play = (seed: number): Promise<Outcome> => {
    const one = playOf(seed);
    return simulate(one, true, baselines[one.scenario.name]);
  };
  for (let seed = from; seed < to && !(options['until-found'] && violations > 0); seed += 1) {
    const outcome = await play(seed);
    seeds += 1;
    steps += outcome.steps;
    for (const [fault, times] of outcome.faults) faults.set(fault, (faults.get(fault) ?? 0) + times);
    if (options.verbose) process.stderr.write(`${named(outcome)}: ${outcome.steps} steps\n`);
    for (const violation of outcome.violations) report(outcome, violation);
    if (repeated >= Number(options['same-trace'])) continue;
    repeated += 1;
    if ((await play(seed)).traceHash === outcome.traceHash) same += 1;
    else report(outcome, 'the same seed made another trace');
  }
  if (options.verbose) process.stderr.write(`${JSON.stringify(Object.fromEntries([...faults].toSorted()))}\n`);
  return { seeds, steps, violations, same, repeated };
}

function playOf(seed: number): Play {
  const scenario = SCENARIOS[seed % SCENARIOS.length];
  if (scenario === undefined) throw new Error('there is no scenario');
  return { seed, scenario, messaging: Math.floor(seed / SCENARIOS.length) % 2 === 0 ? 'kafka' : 'embedded' };
}

/** What each scenario answers without faults. */
async function loadBaselines(file: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  const found: Record<string, string> = {};
  for (const scenario of SCENARIOS) {
    const outcome = await simulate({ seed: 0, scenario, messaging: 'embedded' }, false);
    if (options.verbose) process.stderr.write(`${scenario.name} without faults: ${outcome.steps} steps\n`);
    if (outcome.violations.length > 0)
      throw new Error(`${scenario.name} without faults: ${outcome.violations.join('; ')}`);
    found[scenario.name] = outcome.answers;
  }
  if (file !== undefined) writeFileSync(file, JSON.stringify(found));
  return found;
}

function named({ seed }: Outcome): string {
  const { scenario, messaging } = playOf(seed);
  return `seed ${seed} (${scenario.name}, ${messaging})`;
}
