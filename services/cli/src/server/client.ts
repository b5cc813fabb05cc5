/** The server as the commands see it: typed calls, whole lists, streamed imports, and errors that a person can act on. */
import createFetchClient from 'openapi-fetch';

export interface FieldError {
  readonly field: string;
  readonly reason: string;
}

/** A refusal of the server (problem+json, RFC 9457) as a person reads it: the detail, then a line for each field. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: {
      readonly title?: string;
      readonly detail?: string;
      readonly code?: string;
      readonly errors?: readonly FieldError[];
    },
  ) {
    const fields = (problem.errors ?? []).map(({ field, reason }) => `\n  ${field}: ${reason}`);
    super(`${problem.detail ?? problem.title ?? `the server answered with status ${status}`}${fields.join('')}`);
  }
}

/** Nothing answers at the address. */
export class ServerUnreachable extends Error {
  constructor(url: string, cause: unknown) {
    super(
      `no server answers at ${url} (${reasonOf(cause)}). Start one with "tantieme start --data DIRECTORY", ` +
        'or name another with --url, TANTIEME_URL or a profile.',
    );
  }
}

export type Api = ReturnType<typeof createApi>;

/** @param token bearer token; without one only public operations answer. */
export function createApi(url: string, token: string | undefined) {
  const client = createFetchClient<any>({
    baseUrl: url,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    fetch: (request) => send(url, request),
  });
  return client;
}

/** @throws {ServerUnreachable} @throws {ApiError} for every status but 2xx */
async function send(url: string, request: Request): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(request);
  } catch (error) {
    throw new ServerUnreachable(url, error);
  }
  if (answer.ok) return answer;
  const problem: unknown = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, problem !== null && typeof problem === 'object' ? problem : {});
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && cause.code === 'ECONNREFUSED' ? 'connection refused' : cause.message || cause.name;
}

/** The data of an answer; errors were thrown before (see {@link ApiError}). */
export async function dataOf<Data>(answer: Promise<{ readonly data?: Data }>): Promise<Data> {
  // An answer without a body has no data; callers of such operations ignore the result.
  return (await answer).data as Data;
}

const PAGE_ROWS = 200;

/** The items of a list, page by page, `limit` at most. */
export async function* itemsOf<Item>(
  page: (query: { readonly limit: number; readonly cursor?: string }) => Promise<{
    readonly data?: { readonly items: readonly Item[]; readonly next?: string };
  }>,
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

/** The objects of an NDJSON answer, as they come. */
export async function* ndjsonOf(
  answer: Promise<{ readonly response: Response }>,
): AsyncGenerator<Record<string, unknown>> {
  const { body } = (await answer).response;
  if (body === null) return;
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Record<string, unknown>;
  }
  if (rest !== '') yield JSON.parse(rest) as Record<string, unknown>;
}
