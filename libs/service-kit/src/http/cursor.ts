import { ApiPropertyOptional } from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { PAGE_LIMIT_MAX } from '../limits.js';

export const PAGE_LIMIT = 50;

/** Query of a list; a route extends it with its filters. */
export class PageQuery {
  @ApiPropertyOptional({ description: 'Rows per page', default: PAGE_LIMIT })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_LIMIT_MAX)
  limit: number = PAGE_LIMIT;

  @ApiPropertyOptional({ description: '`next` of the previous page; none for the first page', example: 'WyJQLTEiXQ' })
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  cursor?: string | undefined;
}

/** The answer of a list. `next` is absent on the last page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

/** The sort key of the last row of a page: the next one starts after it. */
export type CursorKey = readonly (string | number)[];

/** Encodes a key as opaque text for a URL. */
export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * Decodes a cursor of this list.
 * @param length number of parts of the list's sort key.
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
    throw new DomainError('CursorInvalid', 'the cursor does not belong to this list', 'invalid', [
      { field: 'cursor', reason: 'does not belong to this list: use `next` of the previous page' },
    ]);
  return key;
}

/**
 * Makes a page of rows.
 * @param rows read with a limit of `limit + 1`: the extra row shows that another page follows.
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
