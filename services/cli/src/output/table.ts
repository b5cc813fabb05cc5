/** Tables that fit the terminal: long texts are cut, then what matters least is left out; ids and amounts stay whole. */
import Table from 'cli-table3';
import stringWidth from 'string-width';

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
  /** Numbers are aligned to the right. */
  readonly align?: 'right';
  /** May be left out on a narrow terminal; the highest number goes first. */
  readonly rank?: number;
  /** A free text, which may be cut. */
  readonly text?: true;
}

/** Columns of the terminal where nobody looks on: a file or a pipe. */
const WIDTH_WITHOUT_TERMINAL = 120;
/** A cut text can still be read with so many characters, and recognised with so few. */
const READABLE_WIDTH = 40;
const TEXT_WIDTH_MIN = 12;
/** `│ ` before each cell, ` ` after it, `│` at the end. */
const widthOf = (widths: readonly number[]): number => widths.reduce((sum, width) => sum + width + 3, 1);

/** @param width characters available; default: the terminal's. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width = process.stdout.columns ?? WIDTH_WITHOUT_TERMINAL,
): string {
  let shown = columns.map((column) => {
    const cells = rows.map((row) => String(column.of(row) ?? ''));
    return { ...column, cells, width: Math.max(...[column.title, ...cells].map((text) => stringWidth(text))) };
  });
  // A column in which nothing stands only costs room.
  shown = shown.filter(({ rank, cells }) => rank === undefined || cells.some((cell) => cell !== ''));
  const total = (): number => widthOf(shown.map((column) => column.width));
  const cutTexts = (least: number): void => {
    for (let cut = widestText(shown, least); total() > width && cut !== undefined; cut = widestText(shown, least))
      cut.width -= 1;
  };
  cutTexts(READABLE_WIDTH);
  for (let last = lastRanked(shown); total() > width && last !== undefined; last = lastRanked(shown))
    shown.splice(shown.indexOf(last), 1);
  cutTexts(TEXT_WIDTH_MIN);
  const printed = new Table({
    head: shown.map(({ title }) => title),
    colAligns: shown.map(({ align }) => align ?? 'left'),
    colWidths: shown.map((column) => column.width + 2),
    style: { head: [], border: [], compact: true },
  });
  printed.push(...rows.map((_, index) => shown.map(({ cells }) => cells[index] ?? '')));
  return printed.toString();
}

function lastRanked<Ranked extends { readonly rank?: number }>(columns: readonly Ranked[]): Ranked | undefined {
  return columns
    .filter(({ rank }) => rank !== undefined)
    .reduce<Ranked | undefined>((last, one) => ((one.rank ?? 0) > (last?.rank ?? 0) ? one : last), undefined);
}

function widestText<Text extends { readonly text?: true; readonly width: number }>(
  columns: readonly Text[],
  least: number,
): Text | undefined {
  return columns
    .filter(({ text, width }) => text && width > least)
    .reduce<Text | undefined>((widest, one) => (one.width > (widest?.width ?? 0) ? one : widest), undefined);
}
