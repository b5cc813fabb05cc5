/**
 * Rows in pieces that fit into one statement of SQL: SQLite takes 32,766 parameters, PostgreSQL 65,535.
 * @param size rows a piece; the default is for rows of up to 32 columns
 */
export function* rowChunks<Row>(rows: readonly Row[], size = 1000): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += size) yield rows.slice(from, from + size);
}
