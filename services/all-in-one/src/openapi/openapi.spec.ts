/** The API is described completely, and `docs/openapi.json` is up to date. Offenders are listed by operation. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { operationsOf } from '@tantieme/service-kit/http/openapi';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { apiDocumentText, DOCUMENT_FILE } from './api-document.js';

type Document = Parameters<typeof operationsOf>[0];
type Operation = ReturnType<typeof operationsOf>[number][2];

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}

let text: string;
let document: Document;
const warn = jest.spyOn(Logger, 'warn');
beforeAll(async () => {
  text = await apiDocumentText();
  document = JSON.parse(text) as Document;
});

/** Operations of which the condition does not hold, as `GET /deals`. */
function offenders(holds: (operation: Operation, path: string, method: string) => boolean): readonly string[] {
  return operationsOf(document).flatMap(([path, method, operation]) =>
    holds(operation, path, method) ? [] : [`${method.toUpperCase()} ${path}`],
  );
}

function successesOf({ responses }: Operation): readonly (readonly [string, Operation['responses'][string]])[] {
  return Object.entries(responses).filter(([status]) => status.startsWith('2'));
}

function mediaOf(body: unknown): readonly Media[] {
  return Object.values(contentOf(body));
}

function contentOf(body: unknown): Readonly<Record<string, Media>> {
  if (typeof body !== 'object' || body === null || !('content' in body)) return {};
  return body.content as Readonly<Record<string, Media>>;
}

function examplesOf({ example, examples }: Media): readonly unknown[] {
  return example === undefined ? Object.values(examples ?? {}).map(({ value }) => value) : [example];
}

describe('docs/openapi.json', () => {
  it('is what the controllers say: run `npm run openapi` after a change', () => {
    expect(readFileSync(DOCUMENT_FILE, 'utf8') === text).toBe(true);
  });
});

describe('every operation', () => {
  it('has an id of its own', () => {
    const ids = operationsOf(document).map(([, , { operationId }]) => operationId);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('has a summary', () => {
    expect(offenders(({ summary = '' }) => summary !== '')).toEqual([]);
  });

  it('has a description besides its roles', () => {
    const rolesOnly = /^(Roles: [^\n]*|Public: needs no token\.|Partners: their own data only\.)$/;
    expect(offenders(({ description = '' }) => !rolesOnly.test(description))).toEqual([]);
  });

  it('states its roles', () => {
    const roles = /(Roles: |Public: needs no token|Partners: their own data only)/;
    expect(offenders(({ description = '' }) => roles.test(description))).toEqual([]);
  });

  it('has a schema for each success', () => {
    const described = (operation: Operation): boolean =>
      successesOf(operation).every(
        ([status, response]) =>
          status === '204' ||
          (mediaOf(response).length > 0 && mediaOf(response).every(({ schema }) => schema !== undefined)),
      );
    expect(offenders((operation) => successesOf(operation).length > 0 && described(operation))).toEqual([]);
  });

  it('has an example of its body', () => {
    expect(offenders(({ requestBody }) => mediaOf(requestBody).every((one) => examplesOf(one).length > 0))).toEqual([]);
  });

  it('has an example of each success', () => {
    expect(
      offenders((operation) =>
        successesOf(operation).every(([, response]) => mediaOf(response).every((one) => examplesOf(one).length > 0)),
      ),
    ).toEqual([]);
  });

  it('describes each of its answers', () => {
    expect(
      offenders(({ responses }) =>
        Object.values(responses).every(
          (response) => response !== undefined && 'description' in response && response.description !== '',
        ),
      ),
    ).toEqual([]);
  });

  it('documents its problems', () => {
    expect(
      offenders(({ responses }) => Object.keys(responses).some((status) => status.startsWith('4') || status === '503')),
    ).toEqual(['GET /health/live', 'GET /metrics']);
  });

  it('describes its parameters, and names those of its path', () => {
    const undescribed = operationsOf(document).flatMap(([path, method, { parameters = [] }]) => {
      const named = parameters.flatMap((parameter) => ('name' in parameter ? [parameter] : []));
      const missing = [...path.matchAll(/\{(\w+)\}/g)]
        .map(([, name]) => name)
        .filter((name) => !named.some((one) => one.in === 'path' && one.name === name));
      const silent = named.filter(({ description = '' }) => description === '').map(({ name }) => name);
      return [...missing, ...silent].map((name) => `${method.toUpperCase()} ${path}: ${name}`);
    });
    expect(undescribed).toEqual([]);
  });

  it('belongs to a described tag', () => {
    expect(offenders(({ tags = [] }) => tags.length === 1)).toEqual([]);
    const undescribed = document.tags?.filter(({ description = '' }) => description === '').map(({ name }) => name);
    // Descriptions of tags are in `api-tags.ts` of the service kit.
    expect(undescribed).toEqual([]);
  });
});

describe('every schema', () => {
  it('has a name of its own: two classes with one name overwrite each other', () => {
    expect(warn.mock.calls.map(([message]) => String(message)).filter((one) => one.includes('Duplicate DTO'))).toEqual(
      [],
    );
  });

  it('names the types of its properties: `x?: string | undefined` needs `@ApiProperty({ type: String })`', () => {
    expect(Object.keys(document.components?.schemas ?? {})).not.toContain('Object');
  });
});

describe('every example', () => {
  it('fits its schema', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, 'openapi');
    const misfits = operationsOf(document).flatMap(([path, method, { requestBody, responses }]) =>
      Object.entries({ body: requestBody, ...responses }).flatMap(([place, body]) =>
        Object.entries(contentOf(body)).flatMap(([type, media]) => {
          // Examples of YAML and NDJSON are texts.
          if (!/[/+]json$/.test(type)) return [];
          const components = JSON.stringify(media.schema ?? {}).replaceAll('"#/components', '"openapi#/components');
          const validate = ajv.compile(JSON.parse(components) as object);
          return examplesOf(media).flatMap((example) =>
            validate(example) ? [] : [`${method.toUpperCase()} ${path} ${place}: ${ajv.errorsText(validate.errors)}`],
          );
        }),
      ),
    );
    expect(misfits).toEqual([]);
  });
});
