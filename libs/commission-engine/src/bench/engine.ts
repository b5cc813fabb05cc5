/**
 * Benchmark of the engine: a whole history compared with DuckDB and a bare loop, and the cost of a late deal and a
 * return.
 */
import { parseArgs } from 'node:util';
import { printFigures } from './figures.js';
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
printFigures(figures, options.json);
