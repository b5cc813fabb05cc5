/** `npm run simulate -- --seeds N --from M`: runs the world of each seed, and prints what went wrong. */
import { parseArgs } from 'node:util';

import { printFigures } from '@tantieme/commission-engine/bench/figures';

import { simulate } from './world.js';
import type { Messaging } from './machine.js';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

/** Every tenth seed runs twice. */
const REPEATED_EVERY = 10;

const messagingOf = (seed: number): Messaging => (seed % 2 === 0 ? 'embedded' : 'kafka');
const baseline = await simulate(0, 'embedded', false);
if (options.verbose)
  process.stderr.write(`without faults: ${baseline.steps} steps ${baseline.violations.join('; ')}\n`);
const expected = baseline.statements;

const from = Number(options.from);
const to = from + Number(options.seeds);
let steps = 0;
let violations = 0;
let same = 0;
let repeated = 0;
for (let seed = from; seed < to; seed += 1) {
  const outcome = await simulate(seed, messagingOf(seed), true, expected);
  steps += outcome.steps;
  if (options.verbose) process.stderr.write(`seed ${seed}: ${outcome.steps} steps\n`);
  for (const violation of outcome.violations)
    process.stderr.write(
      `seed ${seed}, step ${outcome.steps}: ${violation}\nrepeat: npm run simulate -- --seeds 1 --from ${seed}\n`,
    );
  violations += outcome.violations.length;
  if (seed % REPEATED_EVERY === 0) {
    repeated += 1;
    if ((await simulate(seed, messagingOf(seed), true, expected)).traceHash === outcome.traceHash) same += 1;
  }
}

const figures = { seeds: to - from, steps, violations, sameTrace: `${same} of ${repeated}` };
printFigures(figures, options.json);
process.exit(violations === 0 && same === repeated ? 0 : 1);
