/**
 * Benchmark of the engine: a whole history compared with DuckDB and a bare loop, and the cost of a late deal and a
 * return.
 */
import { parseArgs } from 'node:util';
import { measureLateDeals } from './late-deals.js';
import { measureWholeHistory } from './whole-history.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    deals: { type: 'string', default: '1500000' },
    partners: { type: 'string', default: '1000' },
  },
});

const figures = {
  ...(await measureWholeHistory(Number(options.deals), Number(options.partners))),
  ...measureLateDeals(),
};
if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
else
  for (const [name, value] of Object.entries(figures))
    process.stdout.write(`${name.padEnd(28)} ${value < 100 ? value.toFixed(3) : Math.round(value)}\n`);
