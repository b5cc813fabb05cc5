/** Checks in specs that every answer of an application fits its OpenAPI document. */
import { afterAll, afterEach } from '@jest/globals';
import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Faults of all applications of this spec since its last test. */
const faults: string[] = [];

/** The faults so far, which the test has then dealt with. */
export function takeFaults(): readonly string[] {
  return [...new Set(faults.splice(0))];
}

function failOnFaults(): void {
  const found = takeFaults();
  if (found.length > 0) throw new Error(`answers that do not fit the OpenAPI document:\n${found.join('\n')}`);
}
afterEach(failOnFaults);
afterAll(failOnFaults);

/** Where the documents themselves are served. */
const UNDOCUMENTED = /^\/(docs|openapi\.)/;

@Module({})
class DocumentedAnswers {
  private readonly fastify: FastifyInstance;
  private schemas: AnswerSchemas | undefined;

  constructor(@Inject(HttpAdapterHost) { httpAdapter }: HttpAdapterHost) {
    this.fastify = httpAdapter.getInstance<FastifyInstance>();
    this.fastify.addHook('onRequest', async (request) => {
      // With the first request: during a stop it would be too late to ask for the document.
      if (isDocumented(request)) this.schemas ??= await this.readDocument();
    });
    this.fastify.addHook('onSend', async (request, reply, payload) => {
      if (this.schemas !== undefined && isDocumented(request)) check(this.schemas, request, reply, payload);
      return payload;
    });
  }

  private async readDocument(): Promise<AnswerSchemas> {
    return new AnswerSchemas((await this.fastify.inject('/openapi.json')).json<OpenAPIObject>());
  }
}

function isDocumented(request: FastifyRequest): boolean {
  return !request.is404 && !UNDOCUMENTED.test(request.url);
}

function check(schemas: AnswerSchemas, request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
  const path = (request.routeOptions.url ?? '').replace(/:(\w+)/g, '{$1}');
  const type = String(reply.getHeader('content-type') ?? '').split(';', 1)[0] ?? '';
  const body: unknown = type.endsWith('json') && typeof payload === 'string' ? JSON.parse(payload) : undefined;
  const found = schemas.faultsOf(request.method.toLowerCase(), path, reply.statusCode, type, body);
  faults.push(...found.map((fault) => `${request.method} ${path} ${reply.statusCode}: ${fault}`));
}

/**
 * The module, to be passed to `createApplication`: a test fails where a status is not documented, or where a JSON
 * answer does not fit its schema or has a property that is not documented.
 */
export function withDocumentedAnswers(module: Type | DynamicModule): DynamicModule {
  return { module: DocumentedAnswers, imports: [module] };
}

class AnswerSchemas {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();
  private readonly document: Record<string, unknown>;

  constructor(document: OpenAPIObject) {
    addFormats.default(this.ajv);
    this.document = closed(document, composedIn(document)) as Record<string, unknown>;
    this.ajv.addSchema(this.document, 'openapi');
  }

  /** @param body undefined where the answer is not JSON. */
  faultsOf(method: string, path: string, status: number, type: string, body: unknown): readonly string[] {
    const pointer = ['paths', path, method, 'responses', String(status)];
    if (this.at(pointer) === undefined) return ['the status is not documented'];
    if (body === undefined) return [];
    const schema = [...pointer, 'content', type, 'schema'];
    if (this.at(schema) === undefined) return [`the document has no schema for ${type}`];
    const validate = this.validatorOf(`openapi#/${schema.map(escaped).join('/')}`);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath || 'the body'} ${message ?? 'is invalid'} ${JSON.stringify(params)}`.trim(),
    );
  }

  private at(pointer: readonly string[]): unknown {
    return pointer.reduce<unknown>(
      (value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined),
      this.document,
    );
  }

  private validatorOf($ref: string): ValidateFunction {
    let validate = this.validators.get($ref);
    if (validate === undefined) this.validators.set($ref, (validate = this.ajv.compile({ $ref })));
    return validate;
  }
}

/**
 * Names of schemas that are one of several parts of an object: they cannot forbid the properties of the other parts.
 */
function composedIn(document: OpenAPIObject): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isObject(value)) return;
    const parts = value['allOf'];
    if (Array.isArray(parts) && parts.length > 1)
      for (const part of parts as unknown[])
        if (isObject(part) && typeof part['$ref'] === 'string') names.add(part['$ref']);
    Object.values(value).forEach(visit);
  };
  visit(document);
  return names;
}

/** The document with objects that allow no properties but those they describe. */
function closed(value: unknown, composed: ReadonlySet<string>, pointer = '#'): unknown {
  if (Array.isArray(value)) return value.map((item) => closed(item, composed));
  if (!isObject(value)) return value;
  const inner = Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, closed(part, composed, `${pointer}/${key}`)]),
  );
  const isOpen = ['additionalProperties', 'allOf', 'anyOf', 'oneOf'].some((keyword) => keyword in value);
  const isClosable = value['type'] === 'object' && isObject(value['properties']) && !isOpen && !composed.has(pointer);
  return isClosable ? { ...inner, additionalProperties: false } : inner;
}

function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
