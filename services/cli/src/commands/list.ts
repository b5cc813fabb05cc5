/** A list as a command prints it: so many rows as a table, or all of them as JSON. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { itemsOf } from '../server/client.js';
import { hint, print, printJson } from '../output/print.js';
import { table } from '../output/table.js';
import type { Column } from '../output/table.js';

const ROWS = 100;

export interface ListOptions {
  readonly limit?: number;
  readonly json?: boolean;
}

export function withLimit(command: Command): Command {
  return command.option('--limit <rows>', `rows at most (default: ${ROWS}; with --json all)`, positive);
}

/** @throws {InvalidArgumentError} which commander prints with the option's name */
export function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1.');
  return Number(text);
}

/** Rows of a list, one more than the limit at most, so that one can tell whether there are more. */
export async function rowsOf<Item>(
  { limit, json }: ListOptions,
  page: Parameters<typeof itemsOf<Item>>[0],
): Promise<{ readonly rows: readonly Item[]; readonly more: boolean }> {
  const most = limit ?? (json ? Infinity : ROWS);
  const rows = await Array.fromAsync(itemsOf(page, most + 1));
  return { rows: rows.slice(0, most), more: rows.length > most };
}

export async function printList<Item>(
  options: ListOptions,
  page: Parameters<typeof itemsOf<Item>>[0],
  columns: readonly Column<Item>[] | ((rows: readonly Item[]) => Promise<readonly Column<Item>[]>),
): Promise<void> {
  const { rows, more } = await rowsOf(options, page);
  if (options.json) return printJson(rows);
  if (rows.length === 0) return print('nothing found');
  print(table(typeof columns === 'function' ? await columns(rows) : columns, rows));
  if (more) hint(`the first ${rows.length} rows; --limit shows more`);
}
