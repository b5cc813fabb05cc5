import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { createClient, dataOf, RequestRefused } from './client.js';

const PROBLEM = {
  type: 'urn:tantieme:problem:RoleMissing',
  title: 'Forbidden',
  status: 403,
  detail: 'needs the role operator; your token has: source',
  code: 'RoleMissing',
  correlationId: 'c-1',
};

/** A client of a server that gives one answer to everything, and the requests that it received. */
function clientOf(status: number, body: unknown, token?: string | (() => Promise<string>)) {
  const requests: Request[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    requests.push(request);
    return Response.json(body, { status });
  };
  return { client: createClient({ baseUrl: 'http://127.0.0.1:8080', token, fetch }), requests };
}

describe('the client', () => {
  it('sends parameters and the token', async () => {
    const { client, requests } = clientOf(200, { items: [] }, async () => 't-1');
    await client.GET('/deals', { params: { query: { limit: 10 } } });
    expect(requests[0]?.url).toBe('http://127.0.0.1:8080/deals?limit=10');
    expect(requests[0]?.headers.get('authorization')).toBe('Bearer t-1');
  });

  it('sends no token where it has none', async () => {
    const { client, requests } = clientOf(200, { status: 'live' });
    expect(await dataOf(client.GET('/health/live'))).toEqual({ status: 'live' });
    expect(requests[0]?.headers.has('authorization')).toBe(false);
  });

  it('throws the problem document of a refusal', async () => {
    const { client } = clientOf(403, PROBLEM, 't-1');
    const refused = dataOf(client.GET('/health/lag'));
    await expect(refused).rejects.toThrow(RequestRefused);
    await expect(refused).rejects.toMatchObject({ status: 403, problem: PROBLEM, message: PROBLEM.detail });
  });

  it('throws the status of an answer without a problem document', async () => {
    const { client } = clientOf(502, 'bad gateway', 't-1');
    await expect(dataOf(client.GET('/health/lag'))).rejects.toMatchObject({ status: 502, problem: undefined });
  });
});

describe('schema.d.ts', () => {
  it('is generated from docs/openapi.json: run `npm run openapi` after a change', async () => {
    const directory = fileURLToPath(new URL('..', import.meta.url));
    // Fails where the file differs from what would be generated.
    await promisify(execFile)('npm', ['run', '--silent', 'schema', '--', '--check'], { cwd: directory });
  });
});
