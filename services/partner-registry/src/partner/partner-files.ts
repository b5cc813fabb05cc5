/** Files about partners: the fields of a row, and the change that a row makes. */
import { check } from '@tantieme/contracts/check';
import type { ChannelType, Partner } from '@tantieme/contracts/partner';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { ID_DESCRIPTION, isId } from '@tantieme/contracts/ids';
import type { CellFault } from '@tantieme/tabular/cell';
import { recordFaults } from '@tantieme/tabular/record-mapping';
import type { RecordFields } from '@tantieme/tabular/record-mapping';
import type { RequestedChange } from './requested-change.js';

export const PARTNER_FILE_KINDS = ['partners', 'tiers', 'uplines', 'agreements', 'certifications'] as const;
/** What the rows of a file are about. */
export type PartnerFileKind = (typeof PARTNER_FILE_KINDS)[number];

const PARTNER = { partner: { kind: 'text' } } as const;
const SPAN = { from: { kind: 'day' }, until: { kind: 'day', empty: 'absent' } } as const;

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
    count: { kind: 'whole', empty: 'absent' },
  },
};

/** Names and tiers are for people to read: everything else that a row names is an id. */
const TEXTS_MAX: Readonly<Record<string, number>> = { name: 500, tier: 100 };
const IDS = new Set(['id', 'partner', 'upline', 'agreement', 'plan', 'certificate', 'certification']);

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

/** A flat record with the fields of {@link FIELDS_OF_FILE}. */
export function recordRow(kind: PartnerFileKind, record: unknown): PartnerRow {
  const id = readableId(record, kind === 'partners' ? 'id' : 'partner');
  const faults = recordFaults(record, FIELDS_OF_FILE[kind]);
  if (faults.length > 0) return { id, faults };
  const texts = textsOf(record);
  const invalid = [...texts].flatMap(([field, text]) => textFaults(field, text));
  return invalid.length > 0 ? { id, faults: invalid } : { id, change: changeOf(kind, record, texts) };
}

function textsOf(record: unknown): ReadonlyMap<string, string> {
  const entries = typeof record === 'object' && record !== null ? Object.entries(record) : [];
  return new Map(
    entries.flatMap(([name, value]: [string, unknown]) => (typeof value === 'string' ? [[name, value] as const] : [])),
  );
}

function textFaults(field: string, text: string): readonly CellFault[] {
  if (IDS.has(field)) return isId(text) ? [] : [{ field, reason: `must be ${ID_DESCRIPTION}` }];
  const max = TEXTS_MAX[field];
  return max !== undefined && text.length > max ? [{ field, reason: `must have at most ${max} characters` }] : [];
}

function changeOf(kind: PartnerFileKind, record: unknown, texts: ReadonlyMap<string, string>): RequestedChange {
  const text = (name: string): string => texts.get(name) ?? '';
  const [from, until] = [text('from'), texts.get('until')];
  switch (kind) {
    case 'partners':
      // An unknown channel is refused with the partner.
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
