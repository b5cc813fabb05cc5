/** `npm run simulate -- --seeds N --from M`: runs the world of each seed, and prints what went wrong. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { printFigures } from '@tantieme/commission-engine/bench/figures';

import { SCENARIOS } from './scenario.js';
import { simulate } from './world.js';
import type { Outcome, Play } from './world.js';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '0' },
    /** How many seeds run twice: every tenth by default. */
    'same-trace': { type: 'string' },
    /** A file of what runs without faults answer: written if it does not exist. */
    baseline: { type: 'string' },
    /** Ends at the first violation. */
    'until-found': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const REPEATED_EVERY = 10;

const from = Number(options.from);
const to = from + Number(options.seeds);
const repeatedMax = Number(options['same-trace'] ?? Math.ceil((to - from) / REPEATED_EVERY));
const baselines = await loadBaselines();

const faults = new Map<string, number>();
let [seeds, steps, violations, same, repeated] = [0, 0, 0, 0, 0];
for (let seed = from; seed < to && !(options['until-found'] && violations > 0); seed += 1) {
  const outcome = await play(seed);
  seeds += 1;
  steps += outcome.steps;
  for (const [fault, times] of outcome.faults) faults.set(fault, (faults.get(fault) ?? 0) + times);
  if (options.verbose) process.stderr.write(`${named(outcome)}: ${outcome.steps} steps\n`);
  for (const violation of outcome.violations) report(outcome, violation);
  if (repeated >= repeatedMax) continue;
  repeated += 1;
  if ((await play(seed)).traceHash === outcome.traceHash) same += 1;
  else report(outcome, 'the same seed made another trace');
}
if (options.verbose) process.stderr.write(`${JSON.stringify(Object.fromEntries([...faults].toSorted()))}\n`);

const figures = { seeds, steps, violations, sameTrace: `${same} of ${repeated}` };
printFigures(figures, options.json);
process.exit(violations === 0 ? 0 : 1);

function playOf(seed: number): Play {
  const scenario = SCENARIOS[seed % SCENARIOS.length];
  if (scenario === undefined) throw new Error('there is no scenario');
  return { seed, scenario, messaging: Math.floor(seed / SCENARIOS.length) % 2 === 0 ? 'kafka' : 'embedded' };
}

function play(seed: number): Promise<Outcome> {
  const one = playOf(seed);
  return simulate(one, true, baselines[one.scenario.name]);
}

/** What each scenario answers without faults. */
async function loadBaselines(): Promise<Readonly<Record<string, string>>> {
  const { baseline: file } = options;
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

function report(outcome: Outcome, violation: string): void {
  violations += 1;
  process.stderr.write(
    `${named(outcome)}, step ${outcome.steps}: ${violation}\nrepeat: npm run simulate -- --seeds 1 --from ${outcome.seed}\n`,
  );
}

function named({ seed }: Outcome): string {
  const { scenario, messaging } = playOf(seed);
  return `seed ${seed} (${scenario.name}, ${messaging})`;
}
