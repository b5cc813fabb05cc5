/**
 * Splits rows into chunks that fit into one SQL statement: SQLite allows 32,766 parameters, PostgreSQL 65,535.
 * @param size rows per chunk; the default suits rows of up to 32 columns.
 */
export function* rowChunks<Row>(rows: readonly Row[], size = 1000): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += size) yield rows.slice(from, from + size);
}
