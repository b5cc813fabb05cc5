/**
 * A client of the HTTP API, typed by the OpenAPI document:
 * `client.GET('/deals', { params: { query: { limit: 10 } } })`.
 */
import createFetchClient from 'openapi-fetch';
import type { Client } from 'openapi-fetch';

import type { components, paths } from './schema.js';

export type ApiClient = Client<paths>;

/** The bodies of the API by name: `Schemas['Problem']`. */
export type Schemas = components['schemas'];

export interface ClientOptions {
  /** Address of the server, such as `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** Bearer token, or how to get one for a request; undefined for public operations only. */
  readonly token?: string | (() => Promise<string>) | undefined;
  /** Replaces `fetch`. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
}

export function createClient({ baseUrl, token, fetch }: ClientOptions): ApiClient {
  const client = createFetchClient<paths>({ baseUrl, ...(fetch === undefined ? {} : { fetch }) });
  client.use({
    onRequest: async ({ request }) => {
      const bearer = typeof token === 'function' ? await token() : token;
      if (bearer !== undefined) request.headers.set('authorization', `Bearer ${bearer}`);
      return request;
    },
  });
  return client;
}

/**
 * An answer other than 2xx. `problem` is its problem document; undefined where the answer has none (of a proxy, say).
 */
export class RequestRefused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Schemas['Problem'] | undefined,
  ) {
    super(problem?.detail ?? `the server answered with status ${status}`);
  }
}

interface Answer<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/**
 * The body of a successful answer: `await dataOf(client.GET('/deals'))`.
 * @throws {RequestRefused} for any other answer.
 */
export async function dataOf<Data>(answer: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await answer;
  if (!response.ok) throw new RequestRefused(response.status, isProblem(error) ? error : undefined);
  // An answer without a body has the data type `never`.
  return data as Data;
}

function isProblem(error: unknown): error is Schemas['Problem'] {
  return typeof error === 'object' && error !== null && 'code' in error && 'detail' in error;
}
