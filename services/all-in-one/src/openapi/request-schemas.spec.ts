/**
 * Routes, their documentation and messages have one opinion of a body. Bodies that differ from a valid one in a single
 * field are sent to the route, and checked against the OpenAPI document and the schema of the message.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MESSAGE_TYPES, schemaOf } from '@tantieme/contracts/schemas';
import { createApplication } from '@tantieme/service-kit/application/application';
import { ROLES } from '@tantieme/service-kit/access/auth';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import { apiDocument, operationsOf } from '@tantieme/service-kit/http/openapi';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { AllInOneModule } from '../all-in-one.module.js';
import { configOf, temporaryDirectory } from '../testing/end-to-end.fixture.js';
import { REQUEST_BODIES } from './request-bodies.fixture.js';
import type { RequestBody } from './request-bodies.fixture.js';

/** Texts at and beyond every limit. */
const TEXTS: readonly string[] = [
  ...['', ' ', 'x', 'FR', 'fr', 'EUR', 'retail', 'a|b', '__proto__', 'a\nb', '\u0000', '\u0085', '\ud800', '\u2028'],
  ...[3, 10, 40, 64, 100, 200, 500, 1000].flatMap((length) => ['x'.repeat(length), 'x'.repeat(length + 1)]),
  ...[200, 201].map((length) => '😀'.repeat(length)),
  ...[92, 93].map((length) => `monthly@${'x'.repeat(length)}`),
  ...['2026-06-30', '2026-02-30', '2026-6-30', '0000-01-01', '2026-06-30T00:00:00Z', '2026-06-30T00:00:60Z'],
  ...['2026-06', '2026-ZZZZ', '0', '-0', '-1', '01', '1.5', '1e3', '9'.repeat(19), `0.${'1'.repeat(19)}`],
];
const NUMBERS: readonly number[] = [0, 1, -1, 1.5, 1200, 1201, 1_000_000, 1_000_001, 1e300];
/** Instead of a value of another type. */
const OTHERS: readonly unknown[] = ['x', 1, true, null, [], {}, [null]];

/** The body, and bodies that differ from it in one place: another value, nothing, or a field more. */
function variantsOf(body: unknown): readonly unknown[] {
  if (typeof body !== 'object' || body === null)
    return [body, ...(typeof body === 'number' ? NUMBERS : TEXTS), ...OTHERS];
  const inside = Object.entries(body).flatMap(([name, part]: [string, unknown]) =>
    variantsOf(part).map((value) => withField(body, name, value)),
  );
  if (Array.isArray(body)) return [body, ...inside, ...OTHERS];
  const lacking = Object.keys(body).map((name) => withField(body, name, undefined));
  return [body, ...inside, ...OTHERS, ...lacking, { ...body, unknown: 1 }];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withField(body: object, name: string, value: unknown): unknown {
  return Array.isArray(body)
    ? body.map((part: unknown, index) => (String(index) === name ? value : part))
    : { ...body, [name]: value };
}

/** Names of the fields that a schema describes, also in the components that it refers to. */
function fieldsOf(schema: unknown, components: Readonly<Record<string, unknown>>): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([keyword, part]: [string, unknown]) => {
    const inner = keyword === '$ref' ? components[String(part).replace('#/components/schemas/', '')] : part;
    const own = keyword === 'properties' ? Object.keys(Object(part) as object) : [];
    return [...own, ...fieldsOf(inner, components)];
  });
}

const NDJSON = 'application/x-ndjson';

/** Codes of bodies that are refused by themselves. Others are about what is recorded: an unknown payout. */
const INVALID = /^(RequestInvalid|(Fact|Partner|Payment|Plan|Programme)Invalid)$/;

describe('what a route accepts', () => {
  const directory = temporaryDirectory();
  let application: NestFastifyApplication;
  let document: ReturnType<typeof apiDocument>;
  let authorization: string;
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);

  beforeAll(async () => {
    application = await createApplication(AllInOneModule, configOf(directory.path), () => false);
    document = apiDocument(application);
    ajv.addSchema(document, 'openapi');
    ajv.addSchema(MESSAGE_TYPES.map(schemaOf));
    const token = await mintToken({ dataDirectory: directory.path, subject: 'ada', roles: [...ROLES], partner: 'P-1' });
    authorization = `Bearer ${token}`;
  });
  afterAll(async () => {
    await application.close();
    directory.remove();
  });

  /** Its method, the media types of its body, and the pointer to the schema of JSON. */
  function operationOf(id: string) {
    const found = operationsOf(document).find(([, , { operationId }]) => operationId === id);
    if (found === undefined) throw new Error(`there is no operation ${id}`);
    const [path, method, { requestBody }] = found;
    const content = requestBody !== undefined && 'content' in requestBody ? requestBody.content : {};
    const keys = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema'];
    const pointer = keys.map((key) => encodeURIComponent(key.replaceAll('/', '~1'))).join('/');
    return { method: method === 'put' ? 'PUT' : 'POST', content, pointer: `openapi#/${pointer}` } as const;
  }

  async function send(method: 'PUT' | 'POST', url: string, type: string, payload: string) {
    const headers = { authorization, 'content-type': type };
    return application.inject({ method, url, headers, payload });
  }

  /** The code of the problem with each body; undefined for those that the route accepts. */
  async function codesOf(id: string, url: string, bodies: readonly string[]): Promise<readonly (string | undefined)[]> {
    const { method, content } = operationOf(id);
    if (NDJSON in content) {
      const answer = await send(method, `${url}?dryRun=true`, NDJSON, bodies.join('\n'));
      const lines = answer.body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; row?: number; rows?: readonly number[]; code?: string });
      expect(lines.at(-1)).toMatchObject({ type: 'result' });
      const refused = new Map(
        lines.filter(({ type }) => type === 'refused').map(({ row, rows, code }) => [row ?? rows?.[0], code]),
      );
      return bodies.map((_, index) => refused.get(index + 1));
    }
    const codes: (string | undefined)[] = [];
    for (const body of bodies) {
      const answer = await send(method, url, 'application/json', body);
      codes.push(answer.statusCode < 300 ? undefined : answer.json<{ code: string }>().code);
    }
    return codes;
  }

  it('is compared for every body of the document', () => {
    const documented = operationsOf(document).flatMap(([, , { operationId, requestBody }]) =>
      requestBody === undefined ? [] : [operationId],
    );
    expect(Object.keys(REQUEST_BODIES).sort()).toEqual(documented.sort());
    for (const shared of Object.values(REQUEST_BODIES))
      if (typeof shared === 'string') expect(documented).toContain(shared);
  });

  const bodies = Object.entries(REQUEST_BODIES).flatMap(([id, all]): [string, string, RequestBody][] =>
    typeof all === 'string' ? [] : [all].flat().map((body) => [id, body.url, body]),
  );

  it.each(bodies)('is compared in every field: %s %s', (id, _, { samples }) => {
    const sent = [...JSON.stringify(samples).matchAll(/"(\w+)":/g)].map(([, name]) => name);
    const { content } = operationOf(id);
    expect(sent).toEqual(expect.arrayContaining([...fieldsOf(content, document.components?.schemas ?? {})]));
  });

  it.each(bodies)('fits its documentation and its message: %s %s', async (id, url, { samples, ...compared }) => {
    const { content, pointer } = operationOf(id);
    const { message, messageOf = (body: object) => body, isNarrower } = compared;
    const fitsDocument = NDJSON in content ? undefined : ajv.compile({ $ref: pointer });
    const fitsMessage = message === undefined ? undefined : ajv.compile({ $ref: schemaOf(message).$id });
    const texts = [...new Set(samples.flatMap(variantsOf).map((body) => JSON.stringify(body)))];
    const codes = await codesOf(id, url, texts);
    const contradictions = texts.flatMap((text, index) => {
      const code = codes[index];
      const body: unknown = JSON.parse(text);
      const isValid = code === undefined || !INVALID.test(code);
      const isDocumented = fitsDocument?.(body);
      const fits = fitsMessage?.(isObject(body) ? messageOf(body) : body);
      const faults = [
        ...(code === 'InternalError' ? ['breaks the route'] : []),
        ...(isValid && fits === false ? ['is accepted, but does not fit the message'] : []),
        ...(isValid && isDocumented === false ? ['is accepted, but not documented'] : []),
        ...(code === 'RequestInvalid' && isDocumented === true ? ['is documented, but refused'] : []),
        ...(code === 'RequestInvalid' && fits === true && !isNarrower ? ['fits the message, but is refused'] : []),
        ...(fits === true && isDocumented === false && !isNarrower ? ['fits the message, but is not documented'] : []),
        ...(fits === false && isDocumented === true && !isNarrower
          ? ['is documented, but does not fit the message']
          : []),
      ];
      return faults.map((fault) => `${text} ${fault} (${code ?? 'accepted'})`);
    });
    expect(contradictions).toEqual([]);
  });
});
