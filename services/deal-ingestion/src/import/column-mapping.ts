/** How the columns of a CSV file become facts: what a mapping document says, with the formats of its locale. */
import type { DealFactKind, DealRole } from '@tantieme/contracts/deal';
import type { RoundingMode } from '@tantieme/money/rounding';
import type { FileFormat } from '@tantieme/tabular/file-format';

export interface PartnerColumn {
  readonly column: string;
  /** Precedes the cell's text. */
  readonly prefix?: string;
  /** Cell → partner id; a cell that is not listed is refused. */
  readonly values?: Readonly<Record<string, string>>;
  /** Column of the share, where several partners share a role. */
  readonly share?: string;
}

export interface MomentColumn {
  readonly column: string;
  /** `yyyy-MM-dd`, `M/d/yyyy`, `dd.MM.yyyy HH:mm`: see `date-format.ts`. Absent: ISO 8601 instants with offset. */
  readonly format?: string;
  /** IANA time zone of cells with a format; a date alone is its midnight. */
  readonly timeZone?: string;
}

/** Every text names a column, unless it is documented as a constant. */
export interface ColumnMapping extends FileFormat {
  /** Constant: the source system. */
  readonly source: string;
  readonly deal: string;
  /** Constant, or a column. */
  readonly kind: DealFactKind | { readonly column: string; readonly values?: Readonly<Record<string, DealFactKind>> };
  /** Of an invoice, payment, sale, return or registration: a deal may have many. */
  readonly id?: string;
  /** Constant number: of all facts of the file. Or a column. */
  readonly revision?: string | number;
  /** Constant `true`: the file withdraws its facts. A column: `true` withdraws the fact, `false` or nothing does not. */
  readonly withdrawn?: string | true;
  readonly occurredAt: string | MomentColumn;
  /** Constant ISO 4217 code, or a column. */
  readonly currency?: string | { readonly column: string };
  /** Of a payment. */
  readonly amount?: string;
  /** Constant: for amounts with more decimals than the currency has. They are refused without it. */
  readonly rounding?: RoundingMode;
  /** A row is a line of its deal. Without `id`, lines are numbered in the order of their contents. */
  readonly line?: {
    readonly id?: string;
    readonly variant?: string;
    readonly product?: string;
    readonly family?: string;
    readonly category?: string;
    readonly quantity?: string;
    readonly net: string;
    readonly gross?: string;
    readonly cost?: string;
    /** A line whose cell for the id is empty has no subscription. */
    readonly subscription?: { readonly id: string; readonly start: string; readonly months: string };
  };
  readonly registration?: {
    readonly status: string;
    readonly holder: string;
    readonly from?: string;
    readonly until?: string;
  };
  readonly partners?: Readonly<Partial<Record<DealRole, string | PartnerColumn | readonly PartnerColumn[]>>>;
  readonly customer?: string;
  /** Name of the attribute → column. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Columns that are about one line alone. */
export function lineColumnsOf(line: ColumnMapping['line']): readonly string[] {
  if (line === undefined) return [];
  const { subscription, ...columns } = line;
  return [...Object.values(columns), ...(subscription === undefined ? [] : Object.values(subscription))];
}

export function partnerColumns(columns: string | PartnerColumn | readonly PartnerColumn[]): readonly PartnerColumn[] {
  if (typeof columns === 'string') return [{ column: columns }];
  return 'column' in columns ? [columns] : columns;
}
