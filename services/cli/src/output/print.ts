/** What a command prints on standard output: text for a person, JSON for a program. */

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Hints beside the result go to standard error, so that output can be piped. */
export function hint(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `1 deal`, `2 deals`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
