/** Conditions on text for lists that people search. Upper and lower case are equal, as far as the database knows them. */
import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/** @param column its name, `table.column` where several tables have it */
export function startsWith(column: string, text: string): RawBuilder<boolean> {
  return matches(column, `${escaped(text)}%`);
}

/** @param column its name, `table.column` where several tables have it */
export function contains(column: string, text: string): RawBuilder<boolean> {
  return matches(column, `%${escaped(text)}%`);
}

function matches(column: string, pattern: string): RawBuilder<boolean> {
  return sql<boolean>`lower(${sql.ref(column)}) like ${pattern.toLowerCase()} escape '\\'`;
}

function escaped(text: string): string {
  return text.replace(/[\\%_]/g, String.raw`\$&`);
}
