/** What the commands print: tables for a person, JSON for a machine. */
import Table from 'cli-table3';

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A table; columns whose name begins with `>` are aligned to the right. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = new Table({
    head: columns.map((column) => column.replace(/^>/, '')),
    colAligns: columns.map((column) => (column.startsWith('>') ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  shown.push(...rows.map((row) => [...row]));
  return shown.toString();
}
