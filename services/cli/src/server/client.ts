/**
 * The client of the API, as commands use it: typed calls, whole lists, streamed imports, and errors that tell people
 * what to do next.
 */
import { createClient, dataOf, RequestRefused } from '@tantieme/api-client/client';
import type { ApiClient, Schemas } from '@tantieme/api-client/client';

export { dataOf, RequestRefused };
export type { Schemas };
export type Api = ApiClient;

/** Nothing answers at the address. */
export class ServerUnreachable extends Error {
  constructor(url: string, cause: unknown) {
    super(
      `no server answers at ${url} (${reasonOf(cause)}). Start one with "tantieme start --data DIRECTORY", ` +
        'or name another with --url, TANTIEME_URL or a profile.',
    );
  }
}

/** @param token bearer token; without one only public operations answer. */
export function createApi(url: string, token: string | undefined): Api {
  return createClient({
    baseUrl: url,
    token,
    fetch: async (request) => {
      try {
        return await fetch(request);
      } catch (error) {
        throw new ServerUnreachable(url, error);
      }
    },
  });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && cause.code === 'ECONNREFUSED' ? 'connection refused' : cause.message || cause.name;
}

/** What a person reads of an error; of a refusal by the server also a line for each field. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'ENOENT' && 'path' in error)
    return `${String(error.path)}: there is no such file`;
  const fields = error instanceof RequestRefused ? (error.problem?.errors ?? []) : [];
  return [error.message, ...fields.map(({ field, reason }) => `  ${field}: ${reason}`)].join('\n');
}

/** A body that is not JSON, as options of a call: the client sends it as it is. */
export function rawBody(body: string | Blob, contentType: string) {
  // The generated types describe JSON bodies only.
  return { body: body as never, bodySerializer: (() => body) as never, headers: { 'content-type': contentType } };
}

const PAGE_ROWS = 200;

/** The part of a list's query that this module sets. */
export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string;
}

/** An answer of a list. */
export type PageAnswer<Item> = Promise<{
  readonly data?: { readonly items: readonly Item[]; readonly next?: string };
  readonly error?: unknown;
  readonly response: Response;
}>;

/** The items of a list, page by page, `limit` at most. */
export async function* itemsOf<Item>(
  page: (query: PageQuery) => PageAnswer<Item>,
  limit = Infinity,
): AsyncGenerator<Item> {
  let left = limit;
  let cursor: string | undefined;
  do {
    const { items, next } = await dataOf(
      page({ limit: Math.min(PAGE_ROWS, left), ...(cursor === undefined ? {} : { cursor }) }),
    );
    yield* items;
    left -= items.length;
    cursor = next;
  } while (cursor !== undefined && left > 0);
}

/** The objects of an NDJSON answer that was requested with `parseAs: 'stream'`, as they come. */
export async function* ndjsonOf(
  answer: Promise<{ readonly data?: unknown; readonly error?: unknown; readonly response: Response }>,
): AsyncGenerator<Record<string, unknown>> {
  const body = await dataOf(answer);
  if (!(body instanceof ReadableStream)) return;
  let rest = '';
  for await (const text of (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Record<string, unknown>;
  }
  if (rest !== '') yield JSON.parse(rest) as Record<string, unknown>;
}
