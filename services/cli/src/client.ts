/** The command line's side of the HTTP API: a token, JSON in and out, problems as errors. */
import { openAsBlob } from 'node:fs';

/** An answer of problem+json (RFC 9457), told as a person reads it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: { readonly title?: string; readonly detail?: string; readonly errors?: readonly FieldError[] },
  ) {
    const fields = (problem.errors ?? []).map(({ field, reason }) => `\n  ${field}: ${reason}`);
    super(`${problem.detail ?? problem.title ?? `the server answered ${status}`}${fields.join('')}`);
  }
}

export interface FieldError {
  readonly field: string;
  readonly reason: string;
}

export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

export class Client {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  get<Answer>(path: string): Promise<Answer> {
    return this.json('GET', path);
  }

  put<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.json('PUT', path, JSON.stringify(body));
  }

  post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
    return this.json('POST', path, JSON.stringify(body));
  }

  postText<Answer>(path: string, body: string, contentType: string): Promise<Answer> {
    return this.json('POST', path, body, contentType);
  }

  async text(path: string): Promise<string> {
    return (await this.send('GET', path)).text();
  }

  /** Every item of a listing, page by page. */
  async *all<Item>(path: string): AsyncGenerator<Item> {
    let cursor: string | undefined;
    do {
      const page: Listed<Item> = await this.get(
        `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      );
      yield* page.items;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** Streams a body; yields the objects of the NDJSON answer as they come. */
  async *stream(
    path: string,
    body: Blob | string,
    headers: Record<string, string>,
  ): AsyncGenerator<Record<string, unknown>> {
    const answer = await this.send('POST', path, body, headers);
    let rest = '';
    if (!answer.body) return;
    for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line);
    }
    if (rest !== '') yield JSON.parse(rest);
  }

  /** The answer is JSON, and so is the body unless its type is named. */
  private async json<Answer>(
    method: string,
    path: string,
    body?: string,
    contentType = 'application/json',
  ): Promise<Answer> {
    const answer = await this.send(method, path, body, body === undefined ? {} : { 'content-type': contentType });
    const text = await answer.text();
    return text === '' ? (undefined as Answer) : JSON.parse(text);
  }

  private async send(
    method: string,
    path: string,
    body?: Blob | string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const answer = await fetch(new URL(path, this.url), {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    if (answer.ok) return answer;
    const problem: unknown = await answer.json().catch(() => ({}));
    throw new ApiError(answer.status, problem !== null && typeof problem === 'object' ? problem : {});
  }
}

/** A file as a request body that is read as it is sent. @throws where there is no such file. */
export function fileBody(path: string): Promise<Blob> {
  return openAsBlob(path);
}
