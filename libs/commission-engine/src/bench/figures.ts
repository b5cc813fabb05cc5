/** Prints the figures of a benchmark: one a line, or all as one JSON object. */

export type Figure = number | string;

/** Figures of the parts of something, such as services, by their name. */
export type Figures = Readonly<Record<string, Figure | Readonly<Record<string, Figure>>>>;

/** Smaller fractions get decimals. */
const WHOLE_FROM = 100;

export function printFigures(figures: Figures, asJson: boolean): void {
  process.stdout.write(asJson ? `${JSON.stringify(figures)}\n` : figureLines(figures));
}

export function figureLines(figures: Figures): string {
  const named = Object.entries(figures).flatMap(([name, figure]) =>
    typeof figure === 'object'
      ? Object.entries(figure).map(([part, one]) => [`${name} ${part}`, one] as const)
      : [[name, figure] as const],
  );
  const width = Math.max(0, ...named.map(([name]) => name.length)) + 2;
  return named.map(([name, figure]) => `${name.padEnd(width)}${textOf(figure)}\n`).join('');
}

function textOf(figure: Figure): string {
  if (typeof figure === 'string' || Number.isInteger(figure)) return String(figure);
  return Math.abs(figure) < WHOLE_FROM ? figure.toFixed(3) : figure.toFixed(0);
}
