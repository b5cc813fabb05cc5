import { setTimeout as pause } from 'node:timers/promises';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Broker } from '@tantieme/messaging/broker';

import { Background } from '../background/background.js';
import { createApplication, listen, stopApplication } from './application.js';
import { loadConfig } from '../runtime/config.js';
import { BROKER } from '../runtime/runtime-tokens.js';
import { Sample, SampleModule } from '../testing/sample.fixture.js';

describe('an application', () => {
  let sample: Sample;
  let source: { authorization: string };

  beforeAll(async () => {
    sample = await Sample.start();
    source = await sample.authorization('crm', ['source']);
  });
  afterAll(() => sample.stop());

  const send = async (
    method: 'GET' | 'POST' | 'PUT',
    url: string,
    payload?: string | object,
    headers: Record<string, string> = {},
  ) => {
    return sample.request({
      method,
      url,
      headers: { ...source, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
  };

  describe('answers every error with a problem document', () => {
    it.each([
      ['404 for an unknown thing', 'GET', '/orders/none', undefined, {}, 404, 'OrderUnknown'],
      ['404 for an unknown route', 'GET', '/nowhere', undefined, {}, 404, 'NotFound'],
      ['404 for a method that the route does not have', 'PUT', '/orders', {}, {}, 404, 'NotFound'],
      ['409 for a command that conflicts', 'POST', '/orders', { id: 'taken', lines: [] }, {}, 409, 'OrderKnown'],
      [
        '400 for malformed JSON',
        'POST',
        '/orders',
        '{"id":',
        { 'content-type': 'application/json' },
        400,
        'BadRequest',
      ],
      [
        '400 for JSON that poisons a prototype',
        'POST',
        '/orders',
        '{"__proto__":{}}',
        { 'content-type': 'application/json' },
        400,
        'BadRequest',
      ],
      ['400 for a malformed address', 'GET', '/orders/%E0%A4%A', undefined, {}, 400, 'BadRequest'],
      [
        '413 for a body that is too large',
        'POST',
        '/orders',
        { id: 'x'.repeat(1024 * 1024), lines: [] },
        {},
        413,
        'PayloadTooLarge',
      ],
      [
        '414 for a path parameter that is too long',
        'GET',
        `/orders/${'x'.repeat(501)}`,
        undefined,
        {},
        414,
        'URITooLong',
      ],
      [
        '415 for an unknown content type',
        'POST',
        '/orders',
        '<a/>',
        { 'content-type': 'application/xml' },
        415,
        'UnsupportedMediaType',
      ],
      ['500 for an internal error', 'GET', '/orders/broken', undefined, {}, 500, 'InternalError'],
    ] as const)('%s', async (_, method, url, payload, headers, status, code) => {
      const answer = await send(method, url, payload, headers);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status, code, type: `urn:tantieme:problem:${code}` });
      expect(answer.status).toBe(status);
      expect(answer.body['correlationId']).toBe(answer.headers['x-correlation-id']);
    });

    it('422 with all invalid fields, and unknown ones', async () => {
      const { status, body } = await send('POST', '/orders', {
        id: 7,
        lines: [{ net: '1.00' }, { net: '1.5' }],
        colour: 'red',
      });
      expect(status).toBe(422);
      expect(body['code']).toBe('RequestInvalid');
      expect(body['errors']).toEqual(
        expect.arrayContaining([
          { field: 'id', reason: 'must be a string' },
          { field: 'lines.1.net', reason: 'must have two decimals' },
          { field: 'colour', reason: expect.stringContaining('is not a known field') },
        ]),
      );
      expect(body['errors']).toHaveLength(3);
    });

    it('422 for a page that is too long', async () => {
      const finance = await sample.authorization('jo', ['finance']);
      expect(await send('GET', '/orders?limit=201', undefined, finance)).toMatchObject({
        status: 422,
        body: { errors: [{ field: 'limit' }] },
      });
      expect((await send('GET', '/orders?limit=200', undefined, finance)).body).toMatchObject({ limit: 200 });
    });

    it.each([
      ['truncated', 'IncompleteStream', 'Restore the event log'],
      ['ahead', 'UnknownPosition', 'restore the log'],
      ['denied', 'EventStoreRefused', 'correlation id'],
    ])('503 with the way out where only an operator can help: %s', async (order, code, wayOut) => {
      const { status, headers, body } = await send('GET', `/orders/${order}`);
      expect([status, body['code'], body['title']]).toEqual([503, code, 'Service Unavailable']);
      expect(body['detail']).toContain(wayOut);
      expect(body['detail']).not.toContain('hunter2');
      // A retry would meet the same.
      expect(headers['retry-after']).toBeUndefined();
    });

    it('without internal details', async () => {
      expect(JSON.stringify(await send('GET', '/orders/broken'))).not.toContain('hunter2');
    });
  });

  describe('correlates a request', () => {
    it('by the id of the caller', async () => {
      const { headers, body } = await send(
        'POST',
        '/orders',
        { id: 'a', lines: [] },
        { 'x-correlation-id': 'crm-4711' },
      );
      expect(headers['x-correlation-id']).toBe('crm-4711');
      expect(body['context']).toMatchObject({ actor: 'crm', correlationId: 'crm-4711' });
    });

    it.each([undefined, '', 'with blanks in it', 'x'.repeat(129)])(
      'by an id of its own where the given one is invalid: %s',
      async (given) => {
        const { headers, body } = await send(
          'POST',
          '/orders',
          { id: 'a', lines: [] },
          given === undefined ? {} : { 'x-correlation-id': given },
        );
        expect(headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
        expect(body['context']).toMatchObject({ correlationId: headers['x-correlation-id'] });
      },
    );
  });

  describe('reads bodies', () => {
    it.each(['application/x-ndjson', 'text/csv'])('of %s as a stream of any length', async (type) => {
      const payload = `${'x'.repeat(999)}\n`.repeat(3000);
      expect((await send('POST', '/bodies/stream', payload, { 'content-type': type })).body).toEqual({
        streamed: 3_000_000,
      });
    });

    it.each(['application/yaml', 'text/yaml', 'text/plain'])('of %s as text', async (type) => {
      expect((await send('POST', '/bodies/text', 'plan: x\n', { 'content-type': type })).body).toEqual({
        text: 'plan: x\n',
      });
    });

    it('of JSON as text on a text route, digit for digit and with syntax errors', async () => {
      for (const payload of ['{ "below": 150000.10 }', '{ "below": '])
        expect((await send('POST', '/bodies/text', payload, { 'content-type': 'application/json' })).body).toEqual({
          text: payload,
        });
    });
  });

  describe('describes itself', () => {
    it('as OpenAPI with bearer tokens, roles, and the problems of each operation', async () => {
      const { body } = await send('GET', '/openapi.json');
      expect(body).toMatchObject({
        openapi: '3.1.0',
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
        paths: { '/orders': { post: { security: [{ bearer: [] }], 'x-roles': ['source', 'finance'] } } },
      });
    });

    it('on a page that loads nothing from elsewhere', async () => {
      const page = (await sample.application.inject('/docs')).body;
      expect(page).toContain('swagger-ui');
      expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
      for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css'])
        expect((await sample.application.inject(`/docs/${file}`)).statusCode).toBe(200);
    });
  });

  describe('reports its health', () => {
    afterEach(() => {
      SampleModule.lastError = undefined;
    });

    it('to everybody: alive and ready', async () => {
      expect((await sample.application.inject('/health/live')).json()).toEqual({ status: 'live' });
      expect((await sample.application.inject('/health/ready')).json()).toEqual({
        status: 'ready',
        eventStore: { reachable: true },
        broker: { reachable: true },
        database: { reachable: true },
        failing: [],
        parked: 0,
      });
    });

    it('as degraded while background work is failing', async () => {
      SampleModule.lastError = 'the password is hunter2';
      const ready = (): Promise<LightMyRequestResponse> => sample.application.inject('/health/ready');
      let answer = await ready();
      for (; answer.json<{ status: string }>().status === 'ready'; answer = await ready()) await pause(5);
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ status: 'degraded', failing: ['sample-second'] });
      expect(answer.body).not.toContain('hunter2');
    });

    it('in detail to operators only', async () => {
      expect((await send('GET', '/health/lag')).status).toBe(403);
      const { body } = await send('GET', '/health/lag', undefined, await sample.authorization('op', ['operator']));
      expect(body['items']).toContainEqual({ name: 'sample-first', running: true, position: '0', lag: '0' });
    });
  });

  it('creates its data readable by the owner only', () => {
    expect(statSync(sample.config.dataDirectory).mode & 0o077).toBe(0);
    for (const file of ['events.sqlite', 'broker.sqlite', 'read.sqlite'])
      expect(existsSync(join(sample.config.dataDirectory, file))).toBe(true);
  });

  it('answers bytes that are not HTTP with a problem document', async () => {
    await sample.application.listen({ port: 0, host: '127.0.0.1' });
    const { port } = new URL(await sample.application.getUrl());
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('nonsense\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
  });
});

describe('two applications', () => {
  let directories: string[];

  beforeEach(() => {
    directories = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'tantieme-kit-')));
    SampleModule.stopped = [];
  });
  afterEach(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  const start = (directory: string | undefined) =>
    createApplication(SampleModule, loadConfig({}, { dataDirectory: directory ?? '', logLevel: 'silent' }));

  it('do not run the same work on one data directory: the second names the holder and starts nothing', async () => {
    const first = await start(directories[0]);
    await expect(start(directories[0])).rejects.toThrow(
      `sample-first already runs on the data directory ${directories[0]}`,
    );
    expect(SampleModule.stopped).toEqual([]);
    while ((await first.inject('/health/ready')).statusCode !== 200) await pause(10);
    await first.close();
  });

  it('share the parked items: one of them reads the log for both, and the other takes over', async () => {
    const inDirectory = (name: string) =>
      createApplication(
        SampleModule,
        loadConfig({}, { dataDirectory: directories[0] ?? '', logLevel: 'silent' }),
        (process) => process === name || process === 'parked-items',
      );
    const parked = (one: NestFastifyApplication) =>
      one
        .get(Background)
        .status()
        .find(({ name }) => name === 'parked-items');
    const first = await inDirectory('sample-first');
    while (parked(first)?.running !== true) await pause(10);
    const second = await inDirectory('sample-second');
    while (parked(second)?.standby !== true) await pause(10);
    expect(parked(second)?.running).toBe(false);
    expect(parked(first)?.standby).toBeUndefined();
    await first.close();
    while (parked(second)?.running !== true) await pause(10);
    await second.close();
  });

  it('release the directory where a thread fails to start', async () => {
    SampleModule.startFailure = new Error('the table is missing');
    await expect(start(directories[0])).rejects.toThrow('the table is missing');
    SampleModule.startFailure = undefined;
    expect(SampleModule.stopped.toSorted()).toEqual(['sample-first', 'sample-second']);
    await (await start(directories[0])).close();
  });

  it('do not share a port: the second releases its directory', async () => {
    const first = await start(directories[0]);
    await first.listen({ port: 0, host: '127.0.0.1' });
    const port = Number(new URL(await first.getUrl()).port);
    const second = await start(directories[1]);
    await expect(listen(second, loadConfig({}, { dataDirectory: directories[1] ?? '', port }))).rejects.toThrow(
      'EADDRINUSE',
    );
    await (await start(directories[1])).close();
    await first.close();
  });

  it('run side by side on separate directories', async () => {
    const applications = await Promise.all(directories.map(start));
    for (const application of applications) await application.close();
  });

  it('run one after the other on one directory: a stop ends the background work and releases the locks', async () => {
    await (await start(directories[0])).close();
    expect(SampleModule.stopped.toSorted()).toEqual(['sample-first', 'sample-second']);
    await (await start(directories[0])).close();
  });
});

describe('an application whose Kafka is unreachable', () => {
  it('starts, reports why it has no broker, and stops', async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'tantieme-kit-'));
    const sasl = { mechanism: 'plain', username: 'us', password: 'hunter2' } as const;
    const kafka = { brokers: ['127.0.0.1:1'], sasl };
    const application = await createApplication(
      SampleModule,
      loadConfig({}, { dataDirectory, logLevel: 'silent', kafka }),
    );
    expect((await application.inject('/health/live')).statusCode).toBe(200);
    await expect(application.get<Broker>(BROKER).endPositions('sales')).rejects.toThrow('ECONNREFUSED 127.0.0.1:1');
    const answer = await application.inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringContaining('application/problem+json'),
      'retry-after': '1',
    });
    expect(answer.json()).toMatchObject({ code: 'NotReady', broker: { reachable: false, reason: expect.any(String) } });
    expect(answer.body).not.toContain('hunter2');
    expect(existsSync(join(dataDirectory, 'broker.sqlite'))).toBe(false);
    await application.close();
    rmSync(dataDirectory, { recursive: true });
  });
});

describe('a stop', () => {
  let sample: Sample;
  let url: string;
  let open: () => void;

  beforeEach(async () => {
    sample = await Sample.start();
    await sample.application.listen({ port: 0, host: '127.0.0.1' });
    url = await sample.application.getUrl();
    sample.bench.gate = new Promise((resolve) => {
      open = resolve;
    });
    SampleModule.stopped = [];
  });
  afterEach(() => rmSync(sample.config.dataDirectory, { recursive: true, force: true }));

  /** A request that the workbench holds back until `open` is called. */
  const slowRequest = async (): Promise<Response> => {
    const headers = { ...(await sample.authorization('crm', ['source'])), 'content-type': 'application/json' };
    return fetch(`${url}/orders`, { method: 'POST', headers, body: JSON.stringify({ id: 'a', lines: [] }) });
  };

  it('lets requests in flight finish, accepts no new ones, and then stops the background work', async () => {
    const request = slowRequest();
    while (sample.bench.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const stop = stopApplication(sample.application, 30);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    expect(SampleModule.stopped).toEqual([]);
    open();
    expect((await request).status).toBe(201);
    await stop;
    expect(SampleModule.stopped.toSorted()).toEqual(['sample-first', 'sample-second']);
  });

  it('closes connections that have not finished in time', async () => {
    const request = slowRequest();
    while (sample.bench.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const cut = expect(request).rejects.toThrow();
    await stopApplication(sample.application, 0.05);
    await cut;
    expect(SampleModule.stopped).toHaveLength(2);
    open();
  });
});
