/** The service on a data directory of its own, and what its specs send to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { createApplication } from '@tantieme/service-kit/application/application';
import { withDocumentedAnswers } from '@tantieme/service-kit/testing/documented-answers.fixture';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { PartnerRegistryModule } from './partner-registry.module.js';
import type { ReportLine } from './partner/partner-import.commands.js';

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

export interface FileRequest {
  readonly url: string;
  readonly text: string;
  readonly type: 'application/x-ndjson' | 'text/csv';
  readonly mapping?: object;
}

export interface FileAnswer {
  readonly status: number;
  readonly lines: readonly ReportLine[];
  readonly result: ReportLine | undefined;
  /** If the file was refused as a whole. */
  readonly problem: ProblemAnswer;
}

export class TestService {
  readonly directory = mkdtempSync(join(tmpdir(), 'partner-registry-'));
  private running: Application | undefined;

  async start(): Promise<void> {
    const config = loadConfig({}, { dataDirectory: this.directory, logLevel: 'silent' });
    this.running = await createApplication(withDocumentedAnswers(PartnerRegistryModule), config);
  }

  async end(): Promise<void> {
    await this.running?.close();
    rmSync(this.directory, { recursive: true });
  }

  get application(): Application {
    if (this.running === undefined) throw new Error('the service is not started');
    return this.running;
  }

  token(role: Role, partner?: string): Promise<string> {
    const who = { subject: role === 'operator' ? 'olga' : 'ada', roles: [role] };
    return mintToken({ dataDirectory: this.directory, ...who, ...(partner === undefined ? {} : { partner }) });
  }

  get<Body>(url: string, token?: string): Promise<Answer<Body>> {
    return this.call('GET', url, undefined, token);
  }

  put<Body>(url: string, body: object, token?: string): Promise<Answer<Body>> {
    return this.call('PUT', url, body, token);
  }

  delete<Body>(url: string, token?: string): Promise<Answer<Body>> {
    return this.call('DELETE', url, undefined, token);
  }

  async file({ url, text, type, mapping }: FileRequest): Promise<FileAnswer> {
    const { statusCode, body } = await this.application.inject({
      method: 'POST',
      url,
      headers: {
        authorization: `Bearer ${await this.token('operator')}`,
        'content-type': type,
        ...(mapping === undefined ? {} : { 'x-import-mapping': JSON.stringify(mapping) }),
      },
      payload: text,
    });
    if (statusCode !== 200)
      return { status: statusCode, lines: [], result: undefined, problem: JSON.parse(body) as ProblemAnswer };
    const lines = body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ReportLine);
    return { status: statusCode, lines, result: lines.at(-1), problem: { code: '', detail: '', errors: [] } };
  }

  /** Documents of partners as NDJSON; a text is a line as it is. */
  batch(documents: readonly (object | string)[], query = ''): Promise<FileAnswer> {
    const text = documents.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n');
    return this.file({ url: `/partners/batch?${query}`, text, type: 'application/x-ndjson' });
  }

  private async call<Body>(method: 'GET' | 'PUT' | 'DELETE', url: string, payload: object | undefined, token?: string) {
    const answer = await this.application.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token ?? (await this.token('operator'))}` },
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
