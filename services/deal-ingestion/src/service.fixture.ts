/** The service on a data directory of its own, and what its specs send to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { createApplication } from '@tantieme/service-kit/application/application';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { withDocumentedAnswers } from '@tantieme/service-kit/testing/documented-answers.fixture';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { DealIngestionModule } from './deal-ingestion.module.js';
import type { Refusal } from './refusal/refusal.dto.js';

export type Application = Awaited<ReturnType<typeof createApplication>>;

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** A problem, as far as specs look at it. */
export interface ProblemAnswer {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly field: string; readonly reason: string }[];
}

/** A line of the answer to an import. */
export type ImportLine = Readonly<Record<string, unknown>> & { readonly type: string; readonly import?: string };

export interface Imported {
  readonly status: number;
  /** Id of the import; empty for a dry run. */
  readonly id: string;
  readonly lines: readonly ImportLine[];
  /** The last line. */
  readonly result: ImportLine & Partial<ProblemAnswer>;
}

export interface ImportRequest {
  readonly format: 'ndjson' | 'csv';
  readonly text: string;
  readonly mapping?: object;
  /** Further query parameters: `file=march.csv&dryRun=true`. */
  readonly query?: string;
}

export class TestService {
  readonly directory = mkdtempSync(join(tmpdir(), 'deal-ingestion-'));
  private readonly config = loadConfig({}, { dataDirectory: this.directory, logLevel: 'silent' });
  private running: Application | undefined;
  private readonly tokens = new Map<Role, string>();

  async start(): Promise<void> {
    this.running = await createApplication(withDocumentedAnswers(DealIngestionModule), this.config);
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }

  get application(): Application {
    if (this.running === undefined) throw new Error('the service is not started');
    return this.running;
  }

  async token(role: Role): Promise<string> {
    const token =
      this.tokens.get(role) ??
      (await mintToken({ dataDirectory: this.directory, subject: `test-${role}`, roles: [role], partner: 'P-1' }));
    this.tokens.set(role, token);
    return token;
  }

  get<Body>(url: string, role: Role = 'source'): Promise<Answer<Body>> {
    return this.call('GET', url, undefined, role);
  }

  post<Body>(url: string, body: object = {}, role: Role = 'source'): Promise<Answer<Body>> {
    return this.call('POST', url, body, role);
  }

  async text(url: string): Promise<{ readonly type: string; readonly text: string }> {
    const { headers, body } = await this.application.inject({
      method: 'GET',
      url,
      headers: { authorization: `Bearer ${await this.token('source')}` },
    });
    return { type: String(headers['content-type']), text: body };
  }

  async import({ format, text, mapping, query = '' }: ImportRequest): Promise<Imported> {
    const { statusCode, body } = await this.application.inject({
      method: 'POST',
      url: `/imports?format=${format}&${query}`,
      headers: {
        authorization: `Bearer ${await this.token('source')}`,
        'content-type': format === 'csv' ? 'text/csv' : 'application/x-ndjson',
        ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }),
      },
      payload: text,
    });
    const lines = body
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ImportLine);
    const started = lines.find(({ type }) => type === 'started');
    return {
      status: statusCode,
      id: started?.import ?? '',
      lines,
      result: lines.at(-1) ?? { type: 'none' },
    };
  }

  /** All refusals, page by page. */
  async refusals(query = ''): Promise<readonly Refusal[]> {
    const items: Refusal[] = [];
    for (let cursor = ''; ;) {
      const next = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await this.get<Page<Refusal>>(`/refusals?limit=200&${query}${next}`);
      items.push(...body.items);
      if (body.next === undefined) return items;
      cursor = body.next;
    }
  }

  private async call<Body>(method: 'GET' | 'POST', url: string, payload: object | undefined, role: Role) {
    const answer = await this.application.inject({
      method,
      url,
      headers: { authorization: `Bearer ${await this.token(role)}` },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Body };
  }
}

/** Milliseconds that a spec waits for the read model. */
const WAIT_MS_MAX = 10_000;

export async function eventually<Value>(ask: () => Promise<Value>, is: (value: Value) => boolean): Promise<Value> {
  for (let waited = 0; ; waited += 20) {
    const value = await ask();
    if (is(value)) return value;
    if (waited > WAIT_MS_MAX) throw new Error(`it did not happen in time: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
