/** Drives a running server over HTTP, with a token for each role: for whole-system specs and the benchmark. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Role } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';

const POLL_MS = 20;
const NDJSON = 'application/x-ndjson';

/** Several servers, each answering its own paths. */
export interface Servers {
  /** URL of the server that answers a path. */
  urlOf(path: string): string;
  /** URLs of all servers, in the order of the path of a deal. */
  readonly urls: readonly string[];
}

export type Step = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** What a server tells of one of its processes. */
interface Work {
  readonly lag?: string;
  readonly position?: string;
  readonly lastError?: string;
}

function lagOf(works: readonly Work[]): number {
  return works.reduce((sum, { lag, lastError }) => sum + (lastError ? Number.NaN : Number(lag)), 0);
}

export class Driver {
  private readonly tokens = new Map<Role, string>();
  readonly servers: Servers;

  /**
   * @param dataDirectory of the development issuer that mints the tokens.
   * @param settleMs how long the servers must be idle without a change: on Kafka they notice the messages of others only
   *   after a while, and show no lag until then.
   */
  constructor(
    servers: string | Servers,
    private readonly dataDirectory: string,
    private readonly settleMs = 0,
  ) {
    this.servers = typeof servers === 'string' ? { urlOf: () => servers, urls: [servers] } : servers;
  }

  /** The body of the answer as text. @throws for a status other than 2xx. */
  text(role: Role, method: string, path: string, body?: string, type = 'application/json'): Promise<string> {
    return this.ask(this.servers.urlOf(path) + path, role, method, body, type);
  }

  /** @param documents whole partners, NDJSON. */
  async registerPartners(documents: string): Promise<void> {
    await this.text('operator', 'POST', '/partners/batch', documents, NDJSON);
  }

  /** @param document YAML */
  async publishPlan(document: string, effectiveFrom: string): Promise<void> {
    const answer = await this.text('plan-designer', 'POST', '/plans', document, 'application/yaml');
    const draft = JSON.parse(answer) as { readonly plan: string; readonly version: number };
    const path = `/plans/${draft.plan}/versions/${draft.version}`;
    await this.text('approver', 'POST', `${path}/approve`);
    await this.text('approver', 'POST', `${path}/publish`, JSON.stringify({ effectiveFrom }));
  }

  /** @param facts NDJSON. @returns the last line of the answer: the counts. */
  async import(facts: string): Promise<Record<string, number>> {
    const answer = await this.text('source', 'POST', '/imports?format=ndjson', facts, NDJSON);
    return JSON.parse(answer.trim().split('\n').at(-1) ?? '{}') as Record<string, number>;
  }

  /** Waits until all background work is done: no lag anywhere, twice in a row, and no change while that settles. */
  async awaitIdle(): Promise<void> {
    let sinceMs = Date.now();
    let before: string | undefined;
    for (let idle = 0; idle < 2 || Date.now() - sinceMs < this.settleMs; await pause(POLL_MS)) {
      const servers = await this.works();
      const isIdle = servers.every((works) => lagOf(works) === 0);
      const now = JSON.stringify(servers);
      idle = isIdle ? idle + 1 : 0;
      if (!isIdle || now !== before) sinceMs = Date.now();
      before = now;
    }
  }

  /** Lag of each server in events and messages; NaN where a process is failing, or has not begun. */
  async lags(): Promise<readonly number[]> {
    return (await this.works()).map(lagOf);
  }

  private async works(): Promise<readonly (readonly Work[])[]> {
    const all: (readonly Work[])[] = [];
    // One after the other: what one server has passed on then shows in the lag of the next.
    for (const url of this.servers.urls) {
      const answer = await this.ask(`${url}/health/lag`, 'operator', 'GET');
      all.push((JSON.parse(answer) as { readonly items: readonly Work[] }).items);
    }
    return all;
  }

  /**
   * Closes a period (one person proposes it, another confirms it) and waits until its statements are issued.
   * @param force the reason, where something is outstanding
   * @param step does each request, and may repeat it: the whole cannot be repeated once the period is closed.
   */
  async close(
    calendar: string,
    period: string,
    { force, step = (work) => work() }: { readonly force?: string; readonly step?: Step } = {},
  ): Promise<void> {
    const place = `${encodeURIComponent(calendar)}/${period}`;
    const request = JSON.stringify({ force });
    const proposed = await step(() => this.text('finance', 'POST', `/periods/${place}/close`, request));
    const { id } = JSON.parse(proposed) as { readonly id: string };
    await step(() => this.text('approver', 'POST', `/commission-proposals/${encodeURIComponent(id)}/confirm`));
    await step(() => this.until(`/periods/${place}`, 'closed'));
    await step(() => this.until(`/statement-runs/${place}`, 'issued'));
  }

  /** The canonical statements of a period, as NDJSON. */
  statements(calendar: string, period: string): Promise<string> {
    return this.text('auditor', 'GET', `/statements/export?calendar=${encodeURIComponent(calendar)}&period=${period}`);
  }

  private async ask(
    url: string,
    role: Role,
    method: string,
    body?: string,
    type = 'application/json',
  ): Promise<string> {
    const answer = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${await this.token(role)}`,
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
    return text;
  }

  /** Waits until a period, or a statement run, has this state. */
  async until(path: string, state: string): Promise<void> {
    const current = async (): Promise<string> =>
      (JSON.parse(await this.text('operator', 'GET', path)) as { readonly state: string }).state;
    while ((await current()) !== state) await pause(POLL_MS);
  }

  private async token(role: Role): Promise<string> {
    const known = this.tokens.get(role);
    if (known !== undefined) return known;
    const token = await mintToken({ dataDirectory: this.dataDirectory, roles: [role], subject: `driver-${role}` });
    this.tokens.set(role, token);
    return token;
  }
}
