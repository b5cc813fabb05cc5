import { ApiPropertyOptional } from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** Rows a page at the most, and where nobody asks for a number. */
export const PAGE_LIMIT_MAX = 200;
export const PAGE_LIMIT = 50;

/** What a list takes: extend it with the filters of the route. */
export class PageQuery {
  @ApiPropertyOptional({ description: 'rows a page', minimum: 1, maximum: PAGE_LIMIT_MAX, default: PAGE_LIMIT })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_LIMIT_MAX)
  limit: number = PAGE_LIMIT;

  @ApiPropertyOptional({ description: '`next` of the page before' })
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  cursor?: string;
}

/** A list's answer. `next` is missing on the last page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

/** The sort key of the last row of a page: the next one starts after it. */
export type CursorKey = readonly (string | number)[];

/** A key as opaque text for a URL. */
export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * The key of a cursor that this service gave out, with `length` parts.
 * @throws {DomainError} `CursorInvalid`
 */
export function decodeCursor(cursor: string, length: number): CursorKey;
export function decodeCursor(cursor: string | undefined, length: number): CursorKey | undefined;
export function decodeCursor(cursor: string | undefined, length: number): CursorKey | undefined {
  if (cursor === undefined) return undefined;
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    key = undefined;
  }
  if (!isKey(key) || key.length !== length)
    throw new DomainError('CursorInvalid', 'the cursor is none of this list', 'invalid', [
      { field: 'cursor', reason: 'is none of this list: take `next` of the page before' },
    ]);
  return key;
}

/**
 * A page of rows that were read one over the limit: the extra row says that there is more.
 * @param keyOf the sort key of a row.
 */
export function pageOf<Row>(rows: readonly Row[], limit: number, keyOf: (row: Row) => CursorKey): Page<Row> {
  if (rows.length <= limit) return { items: rows };
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return last === undefined ? { items } : { items, next: encodeCursor(keyOf(last)) };
}

function isKey(value: unknown): value is CursorKey {
  return Array.isArray(value) && value.every((part) => typeof part === 'string' || typeof part === 'number');
}
