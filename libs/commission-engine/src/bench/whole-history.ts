/** Rates a whole history with the engine, with DuckDB (the same plan in SQL, on one thread) and with a bare loop. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { canonicalOrder, rateColumns } from '../what-if/rate-columns.js';
import { curveOfPlan, FIRST_MINOR, historyOf, planOf, SECOND_MINOR, STARTS } from './history.js';

type History = ReturnType<typeof historyOf>;

/** Seconds of the fastest of three runs, and the result of the last. */
async function fastest<Result>(run: () => Result | Promise<Result>): Promise<{ seconds: number; result: Result }> {
  let seconds = Infinity;
  for (let index = 0; ; index++) {
    const started = performance.now();
    const result = await run();
    seconds = Math.min(seconds, (performance.now() - started) / 1000);
    if (index === 2) return { seconds, result };
  }
}

/** SQL for what a sum earns, in ten-thousandths of minor units. */
const SQL_RATE = (sum: string) =>
  `(400 * least(${sum}, ${FIRST_MINOR}) + 600 * greatest(0, least(${sum}, ${SECOND_MINOR}) - ${FIRST_MINOR}) + 800 * greatest(0, ${sum} - ${SECOND_MINOR}))`;

/** Uses whole numbers only, so that it is exact. The sum is cast to 64 bits, which is faster than DuckDB's 128. */
const SQL = `
CREATE OR REPLACE TABLE earned AS
WITH placed AS (
  SELECT rank, basis, CAST(sum(basis) OVER (PARTITION BY payee, quarter ORDER BY at_ms, rank ROWS UNBOUNDED PRECEDING) AS BIGINT) AS after
  FROM (SELECT *, CASE ${STARTS.slice(1)
    .map((start, index) => `WHEN at_ms < ${start} THEN ${index}`)
    .join(' ')} ELSE ${STARTS.length - 1} END AS quarter FROM deals)
), exact AS (SELECT rank, ${SQL_RATE('after')} - ${SQL_RATE('(after - basis)')} AS numerator FROM placed)
SELECT rank, sign(numerator) * ((2 * abs(numerator) + 10000) // 20000) AS amount FROM exact`;

async function inDuckDb({ payee, atMs, rank, basisMinor }: History): Promise<{ seconds: number; amounts: number[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-bench-'));
  const file = join(directory, 'deals.csv');
  writeFileSync(file, Array.from(payee, (of, row) => `${of},${atMs[row]},${rank[row]},${basisMinor[row]}\n`).join(''));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run('SET threads=1');
  await connection.run(
    `CREATE TABLE deals AS FROM read_csv('${file}', header=false, columns={payee: 'INTEGER', at_ms: 'BIGINT', rank: 'INTEGER', basis: 'BIGINT'})`,
  );
  rmSync(directory, { recursive: true });
  const { seconds } = await fastest(() => connection.run(SQL));
  const read = await connection.runAndReadAll('SELECT CAST(amount AS DOUBLE) AS amount FROM earned ORDER BY rank');
  const amounts = (read.getColumns()[0] ?? []).map(Number);
  connection.closeSync();
  instance.closeSync();
  return { seconds, amounts };
}

/** The plan written out over sorted arrays: a lower bound for any general engine. */
function bareLoop({ payee, atMs, basisMinor }: Omit<History, 'rank'>): Float64Array {
  const valueAt = (sum: number): number =>
    sum <= FIRST_MINOR
      ? 400 * sum
      : sum <= SECOND_MINOR
        ? 600 * sum - 200 * FIRST_MINOR
        : 800 * sum - 200 * (FIRST_MINOR + SECOND_MINOR);
  const earned = new Float64Array(payee.length);
  let [of, window, sum] = [-1, 0, 0];
  for (let row = 0; row < payee.length; row++) {
    if (payee[row] !== of) {
      of = payee[row]!;
      window = sum = 0;
    }
    while (atMs[row]! >= (STARTS[window + 1] ?? Infinity)) {
      window++;
      sum = 0;
    }
    const numerator = valueAt(sum + basisMinor[row]!) - valueAt(sum);
    sum += basisMinor[row]!;
    earned[row] = Math.sign(numerator) * Math.floor((2 * Math.abs(numerator) + 10_000) / 20_000);
  }
  return earned;
}

/** @throws {Error} where the three disagree about a line */
export async function measureWholeHistory(deals: number, partners: number): Promise<Record<string, number>> {
  const history = historyOf(deals, partners);
  const plan = planOf('line');
  const curve = curveOfPlan(plan);
  const engine = await fastest(() => rateColumns(curve, plan.rounding, history, STARTS));
  const order = canonicalOrder(history);
  const sorted = {
    payee: Int32Array.from(order, (row) => history.payee[row]!),
    atMs: Float64Array.from(order, (row) => history.atMs[row]!),
    basisMinor: Float64Array.from(order, (row) => history.basisMinor[row]!),
  };
  const loop = await fastest(() => bareLoop(sorted));
  const duckdb = await inDuckDb(history);
  if (duckdb.amounts.length !== deals) throw new Error(`DuckDB returned ${duckdb.amounts.length} of ${deals} lines`);
  order.forEach((row, at) => {
    const [mine, theirs, bare] = [engine.result[row], duckdb.amounts[history.rank[row]!], loop.result[at]! + 0];
    if (mine !== theirs || mine !== bare)
      throw new Error(`line ${row}: ${mine} by the engine, ${theirs} by DuckDB, ${bare} by the loop`);
  });
  return {
    deals,
    partners,
    engineDealsPerSecond: deals / engine.seconds,
    duckdbDealsPerSecond: deals / duckdb.seconds,
    engineToDuckdb: duckdb.seconds / engine.seconds,
    loopDealsPerSecond: deals / loop.seconds,
    engineToLoop: loop.seconds / engine.seconds,
  };
}
