import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Broker } from '@tantieme/messaging/broker';

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
    const answer = await sample.application.inject({
      method,
      url,
      headers: { ...source, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };

  describe('answers every error as a problem', () => {
    it.each([
      ['404 where a thing is unknown', 'GET', '/orders/none', undefined, {}, 404, 'OrderUnknown'],
      ['404 where a route is unknown', 'GET', '/nowhere', undefined, {}, 404, 'NotFound'],
      ['404 where the method is none of the route', 'PUT', '/orders', {}, {}, 404, 'NotFound'],
      ['409 where a command comes too late', 'POST', '/orders', { id: 'taken', lines: [] }, {}, 409, 'OrderKnown'],
      [
        '400 where the JSON is broken',
        'POST',
        '/orders',
        '{"id":',
        { 'content-type': 'application/json' },
        400,
        'BadRequest',
      ],
      [
        '400 where the JSON poisons a prototype',
        'POST',
        '/orders',
        '{"__proto__":{}}',
        { 'content-type': 'application/json' },
        400,
        'BadRequest',
      ],
      ['400 where the address is broken', 'GET', '/orders/%E0%A4%A', undefined, {}, 400, 'BadRequest'],
      [
        '413 where the body is too large',
        'POST',
        '/orders',
        { id: 'x'.repeat(1024 * 1024), lines: [] },
        {},
        413,
        'PayloadTooLarge',
      ],
      [
        '414 where a part of the address is too long',
        'GET',
        `/orders/${'x'.repeat(501)}`,
        undefined,
        {},
        414,
        'URITooLong',
      ],
      [
        '415 where the type of the body is unknown',
        'POST',
        '/orders',
        '<a/>',
        { 'content-type': 'application/xml' },
        415,
        'UnsupportedMediaType',
      ],
      ['500 where something is wrong inside', 'GET', '/orders/broken', undefined, {}, 500, 'InternalError'],
    ] as const)('%s', async (_, method, url, payload, headers, status, code) => {
      const answer = await send(method, url, payload, headers);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status, code, type: `urn:tantieme:problem:${code}` });
      expect(answer.status).toBe(status);
      expect(answer.body.correlationId).toBe(answer.headers['x-correlation-id']);
    });

    it('422 with every field that is wrong, and fields that it does not know', async () => {
      const { status, body } = await send('POST', '/orders', {
        id: 7,
        lines: [{ net: '1.00' }, { net: '1.5' }],
        colour: 'red',
      });
      expect(status).toBe(422);
      expect(body.code).toBe('RequestInvalid');
      expect(body.errors).toEqual(
        expect.arrayContaining([
          { field: 'id', reason: 'must be a string' },
          { field: 'lines.1.net', reason: 'has not two decimals' },
          { field: 'colour', reason: 'should not exist' },
        ]),
      );
      expect(body.errors).toHaveLength(3);
    });

    it('422 where a page is too long', async () => {
      const finance = await sample.authorization('jo', ['finance']);
      expect(await send('GET', '/orders?limit=201', undefined, finance)).toMatchObject({
        status: 422,
        body: { errors: [{ field: 'limit' }] },
      });
      expect((await send('GET', '/orders?limit=200', undefined, finance)).body).toMatchObject({ limit: 200 });
    });

    it('without telling what went wrong inside', async () => {
      expect(JSON.stringify(await send('GET', '/orders/broken'))).not.toContain('hunter2');
    });
  });

  describe('correlates', () => {
    it('by the id that the caller gives', async () => {
      const { headers, body } = await send(
        'POST',
        '/orders',
        { id: 'a', lines: [] },
        { 'x-correlation-id': 'crm-4711' },
      );
      expect(headers['x-correlation-id']).toBe('crm-4711');
      expect(body.context).toMatchObject({ actor: 'crm', correlationId: 'crm-4711' });
    });

    it.each([undefined, '', 'with blanks in it', 'x'.repeat(129)])(
      'by one of its own where the given one is unusable: %s',
      async (given) => {
        const { headers, body } = await send(
          'POST',
          '/orders',
          { id: 'a', lines: [] },
          given === undefined ? {} : { 'x-correlation-id': given },
        );
        expect(headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
        expect(body.context.correlationId).toBe(headers['x-correlation-id']);
      },
    );
  });

  describe('takes bodies', () => {
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

    it('of JSON as text where a route says so, with every digit and every mistake', async () => {
      for (const payload of ['{ "below": 150000.10 }', '{ "below": '])
        expect((await send('POST', '/bodies/text', payload, { 'content-type': 'application/json' })).body).toEqual({
          text: payload,
        });
    });
  });

  describe('describes itself', () => {
    it('as OpenAPI with bearer tokens, roles, and problems for every error', async () => {
      const { body } = await send('GET', '/openapi.json');
      expect(body.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
      expect(body.paths['/orders'].post).toMatchObject({
        security: [{ bearer: [] }],
        'x-roles': ['source', 'finance'],
        responses: {
          default: { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
        },
      });
      expect(body.components.schemas.Problem.properties).toHaveProperty('errors');
      expect(body.paths['/health/live'].get.security).toBeUndefined();
    });

    it('on a page that loads nothing from elsewhere', async () => {
      const page = (await sample.application.inject('/docs')).body;
      expect(page).toContain('swagger-ui');
      expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
      for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css'])
        expect((await sample.application.inject(`/docs/${file}`)).statusCode).toBe(200);
    });
  });

  describe('tells how it is', () => {
    afterEach(() => {
      SampleModule.trouble = undefined;
    });

    it('to anybody: alive and ready', async () => {
      expect((await sample.application.inject('/health/live')).json()).toEqual({ status: 'live' });
      expect((await sample.application.inject('/health/ready')).json()).toEqual({
        status: 'ready',
        eventStore: { reachable: true },
        broker: { reachable: true },
        database: { reachable: true },
        failing: [],
      });
    });

    it('degraded, while background work does not get on', async () => {
      SampleModule.trouble = 'the password is hunter2';
      const answer = await sample.application.inject('/health/ready');
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ status: 'degraded', failing: ['sample-second'] });
      expect(answer.body).not.toContain('hunter2');
    });

    it('in detail to operators only', async () => {
      expect((await send('GET', '/health/lag')).status).toBe(403);
      const { body } = await send('GET', '/health/lag', undefined, await sample.authorization('op', ['operator']));
      expect(body.items).toContainEqual({ name: 'sample-first', running: true, position: '0', lag: '0' });
    });
  });

  it('keeps its data to its owner', () => {
    expect(statSync(sample.config.dataDirectory).mode & 0o077).toBe(0);
    for (const file of ['events.sqlite', 'broker.sqlite', 'read.sqlite'])
      expect(existsSync(join(sample.config.dataDirectory, file))).toBe(true);
  });

  it('answers bytes that are no HTTP with a problem', async () => {
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

  it('do not do the same work on one data directory; the second says who does it and starts nothing', async () => {
    const first = await start(directories[0]);
    await expect(start(directories[0])).rejects.toThrow(
      `sample-first already runs on the data directory ${directories[0]}`,
    );
    expect(SampleModule.stopped).toEqual([]);
    expect((await first.inject('/health/ready')).statusCode).toBe(200);
    await first.close();
  });

  it('leave nothing behind where work does not start: the next one can have the directory', async () => {
    SampleModule.failure = new Error('the table is missing');
    await expect(start(directories[0])).rejects.toThrow('the table is missing');
    SampleModule.failure = undefined;
    expect(SampleModule.stopped).toEqual(['sample-first']);
    await (await start(directories[0])).close();
  });

  it('do not share a port: the second gives its directory back', async () => {
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

  it('run side by side on directories of their own', async () => {
    const applications = await Promise.all(directories.map(start));
    for (const application of applications) await application.close();
  });

  it('follow one another on one directory: the stop ends the background, last added first, and gives the locks back', async () => {
    await (await start(directories[0])).close();
    expect(SampleModule.stopped).toEqual(['sample-second', 'sample-first']);
    await (await start(directories[0])).close();
  });
});

describe('an application whose Kafka is not to be reached', () => {
  it('starts all the same, says why it has no broker, and stops', async () => {
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

  /** A request that the workbench holds back until `open`. */
  const slowRequest = async (): Promise<Response> => {
    const headers = { ...(await sample.authorization('crm', ['source'])), 'content-type': 'application/json' };
    return fetch(`${url}/orders`, { method: 'POST', headers, body: JSON.stringify({ id: 'a', lines: [] }) });
  };

  it('lets requests in flight finish, takes no new ones, and stops the background after them', async () => {
    const request = slowRequest();
    while (sample.bench.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const stop = stopApplication(sample.application, 30);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    expect(SampleModule.stopped).toEqual([]);
    open();
    expect((await request).status).toBe(201);
    await stop;
    expect(SampleModule.stopped).toEqual(['sample-second', 'sample-first']);
  });

  it('cuts what has not finished in time', async () => {
    const request = slowRequest();
    while (sample.bench.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const cut = expect(request).rejects.toThrow();
    await stopApplication(sample.application, 0.05);
    await cut;
    expect(SampleModule.stopped).toHaveLength(2);
    open();
  });
});
