/** Files about partners: the fields of a row, and the change that a row makes. */
import { check } from '@tantieme/contracts/check';
import type { ChannelType, Partner } from '@tantieme/contracts/partner';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { isId } from '@tantieme/contracts/ids';
import type { CellFault } from '@tantieme/tabular/cell';
import { recordFaults } from '@tantieme/tabular/record-mapping';
import type { RecordFields } from '@tantieme/tabular/record-mapping';
import { normalCertification } from './partner.js';
import type { RequestedChange } from './requested-change.js';

/** What a row states. */
type StatedChange = Exclude<RequestedChange, { readonly kind: 'withdrawal' }>;

export const PARTNER_FILE_KINDS = ['partners', 'tiers', 'uplines', 'agreements', 'certifications'] as const;
/** What the rows of a file are about. */
export type PartnerFileKind = (typeof PARTNER_FILE_KINDS)[number];

const PARTNER = { partner: { kind: 'text' } } as const;
const SPAN = { from: { kind: 'day' }, until: { kind: 'day', empty: 'null' } } as const;

/** Fields of a row. A file of partners as NDJSON has whole documents instead, as on the topic `partners`. */
export const FIELDS_OF_FILE: Readonly<Record<PartnerFileKind, RecordFields>> = {
  partners: { id: { kind: 'text' }, name: { kind: 'text' }, channel: { kind: 'text' }, country: { kind: 'text' } },
  tiers: { ...PARTNER, from: { kind: 'day' }, tier: { kind: 'text' } },
  uplines: { ...PARTNER, from: { kind: 'day' }, upline: { kind: 'text', empty: 'null' } },
  agreements: { ...PARTNER, agreement: { kind: 'text' }, plan: { kind: 'text' }, ...SPAN },
  certifications: {
    ...PARTNER,
    certificate: { kind: 'text' },
    certification: { kind: 'text' },
    ...SPAN,
    count: { kind: 'whole', empty: 'null' },
  },
};

/** The partner that a row is about, and what it changes; or what is wrong with the row. */
export type PartnerRow =
  | { readonly id: string; readonly change: RequestedChange }
  | { readonly id: string; readonly faults: readonly CellFault[] };

/** A whole document. */
export function documentRow(document: unknown): PartnerRow {
  const faults = check('partner', document);
  return isPartner(document, faults)
    ? { id: document.id, change: { kind: 'document', partner: document } }
    : { id: readableId(document, 'id'), faults };
}

/** A value that its schema accepts has the type that the schema describes. */
function isPartner(document: unknown, faults: readonly unknown[]): document is Partner {
  return faults.length === 0 && typeof document === 'object';
}

/**
 * A flat record with the fields of {@link FIELDS_OF_FILE}.
 * @param withdraw true to withdraw what the row states
 */
export function recordRow(kind: PartnerFileKind, record: unknown, withdraw: boolean): PartnerRow {
  const idField = kind === 'partners' ? 'id' : 'partner';
  const id = readableId(record, idField);
  const faults = recordFaults(record, FIELDS_OF_FILE[kind]);
  if (faults.length > 0) return { id, faults };
  const texts = textsOf(record);
  const change = changeOf(kind, record, texts);
  const document = { ...BARE_PARTNER, id: texts.get(idField), ...fragmentOf(change) };
  const invalid = check('partner', document).map(({ field, reason }): CellFault => {
    const name = field.replace(/^\w+\.0\./, '');
    return { field: field === 'id' ? idField : (ROW_FIELDS[kind][name] ?? name), reason };
  });
  if (invalid.length > 0) return { id, faults: invalid };
  return { id, change: withdraw ? withdrawalOf(change) : change };
}

/** Withdraws the entry that a change states, as long as it is what the partner has. */
function withdrawalOf(change: StatedChange): RequestedChange {
  const kind = 'withdrawal';
  switch (change.kind) {
    case 'tier':
      return { kind, of: 'tier', key: change.from, entry: { from: change.from, value: change.tier } };
    case 'upline':
      return { kind, of: 'upline', key: change.from, entry: { from: change.from, value: change.upline } };
    case 'agreement':
      return { kind, of: 'agreement', key: change.agreement.id, entry: change.agreement };
    case 'certification': {
      const entry = normalCertification(change.certification);
      return { kind, of: 'certification', key: entry.id, entry };
    }
    case 'details':
    case 'document':
      throw new Error('a partner is not withdrawn');
    default:
      return change satisfies never;
  }
}

/** A valid partner but for its id: a row is checked as part of it. */
const BARE_PARTNER = { name: '-', channel: 'retail', country: 'FR', tiers: [], uplines: [], agreements: [] };

/** Fields of a row whose names differ from those in the document. */
const ROW_FIELDS: Readonly<Record<PartnerFileKind, Readonly<Record<string, string>>>> = {
  partners: {},
  tiers: { value: 'tier' },
  uplines: { value: 'upline' },
  agreements: { id: 'agreement' },
  certifications: { id: 'certificate' },
};

/** The part of the document that a change sets. */
function fragmentOf(change: StatedChange): object {
  switch (change.kind) {
    case 'details':
      return change.details;
    case 'tier':
      return { tiers: [{ from: change.from, value: change.tier }] };
    case 'upline':
      return { uplines: [{ from: change.from, value: change.upline }] };
    case 'agreement':
      return { agreements: [change.agreement] };
    case 'certification':
      return { certifications: [change.certification] };
    case 'document':
      return change.partner;
    default:
      return change satisfies never;
  }
}

function textsOf(record: unknown): ReadonlyMap<string, string> {
  const entries = typeof record === 'object' && record !== null ? Object.entries(record) : [];
  return new Map(
    entries.flatMap(([name, value]: [string, unknown]) => (typeof value === 'string' ? [[name, value] as const] : [])),
  );
}

function changeOf(kind: PartnerFileKind, record: unknown, texts: ReadonlyMap<string, string>): StatedChange {
  const text = (name: string): string => texts.get(name) ?? '';
  const [from, until] = [text('from'), texts.get('until')];
  switch (kind) {
    case 'partners':
      // Not checked yet: see `schemaFaults`.
      return {
        kind: 'details',
        details: { name: text('name'), channel: text('channel') as ChannelType, country: text('country') },
      };
    case 'tiers':
      return { kind: 'tier', from, tier: text('tier') };
    case 'uplines':
      return { kind: 'upline', from, upline: texts.get('upline') ?? null };
    case 'agreements':
      return {
        kind: 'agreement',
        agreement: omitUndefined({ id: text('agreement'), plan: text('plan'), from, until }),
      };
    case 'certifications':
      return {
        kind: 'certification',
        certification: omitUndefined({
          id: text('certificate'),
          certification: text('certification'),
          from,
          until,
          count: countIn(record),
        }),
      };
    default:
      return kind satisfies never;
  }
}

function countIn(record: unknown): number | undefined {
  if (typeof record !== 'object' || record === null || !('count' in record)) return undefined;
  return typeof record.count === 'number' ? record.count : undefined;
}

/** For messages about the row; empty where it cannot be read. */
function readableId(record: unknown, name: string): string {
  const id = textsOf(record).get(name);
  return id !== undefined && isId(id) ? id : '';
}
