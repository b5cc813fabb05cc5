import type { Type } from '@nestjs/common';
import { DocumentBuilder, getSchemaPath, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { ROLES } from '../access/auth.js';
import { routeHandlersOf } from '../access/route-roles.js';
import { describeCodes } from './api-answers.js';
import type { ProblemCodes } from './api-answers.js';
import { API_TAGS } from './api-tags.js';
import { operationIdOf } from './operation-id.js';
import { Problem, PROBLEM_TYPE } from './problem.js';
import { exampleOf } from './schema-example.js';
import type { JsonSchema } from './schema-example.js';
import { describeValidation, validationRulesOf } from './validated-schema.js';

/** `GET /openapi.json`, and `GET /docs` to browse it; all of it is served from here, nothing from a network. */
export function publishApiDocuments(application: NestFastifyApplication): void {
  SwaggerModule.setup('docs', application, () => apiDocument(application), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Tantième',
  });
}

const DESCRIPTION = `What a company owes its channel partners, computed and proved.

Amounts are decimal text in currency units (\`"1100.00"\`), days are \`YYYY-MM-DD\`, instants are RFC 3339.
Every error is a problem document (RFC 9457) with a stable \`code\`, and lists all invalid fields in \`errors\`.
Lists answer with a page; \`next\` is the \`cursor\` of the following page.
\`X-Correlation-Id\` of a request is echoed, and is found in logs and events; without one the answer has a new one.`;

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;

export const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const;
type Method = (typeof METHODS)[number];

/** The OpenAPI 3.1 document of all controllers of the application. */
export function apiDocument(application: NestFastifyApplication): OpenAPIObject {
  const requests = describeRequests(application);
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Tantième')
    .setDescription(DESCRIPTION)
    .setVersion('0.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(application, options, {
    extraModels: [Problem],
    // The path gives the id below, where `@ApiOperation` does not.
    operationIdFactory: () => '',
  });
  nameSchemas(document);
  closeBodies(document, requests);
  for (const [path, method, operation] of operationsOf(document)) {
    if (!operation.operationId) operation.operationId = operationIdOf(method, path);
    // A route's own tag wins over that of its controller.
    operation.tags = operation.tags?.slice(-1) ?? [];
    describeRoles(operation);
    addIdempotencyKey(method, operation);
    addProblems(method, operation);
    addExamples(document, operation);
  }
  const used = new Set(operationsOf(document).flatMap(([, , { tags = [] }]) => tags));
  document.tags = Array.from(used, (name) => ({ name, description: API_TAGS[name] ?? '' }));
  return document;
}

/** Path, method and operation of everything that the document describes. */
export function operationsOf({ paths }: OpenAPIObject): readonly (readonly [string, Method, Operation])[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [[path, method, operation] as const];
    }),
  );
}

/** Gives the classes of requests, which it returns, the limits that their validation checks. */
function describeRequests(application: NestFastifyApplication): ReadonlySet<Type> {
  const types = new Set<Type>();
  for (const type of requestClassesOf(application)) describeValidation(type, types);
  return types;
}

/** The validation refuses unknown fields. */
function closeBodies(document: OpenAPIObject, requests: ReadonlySet<Type>): void {
  for (const { name } of requests) {
    const schema = document.components?.schemas?.[name];
    if (schema !== undefined && 'properties' in schema) schema.additionalProperties = false;
  }
}

/** The validated classes of bodies, paths and queries. */
export function requestClassesOf(application: NestFastifyApplication): readonly (new () => object)[] {
  const classes = routeHandlersOf(application).flatMap(({ controller, method }) => {
    const types: unknown = Reflect.getMetadata('design:paramtypes', controller.prototype as object, method);
    return Array.isArray(types) ? (types as readonly unknown[]).filter(isClass) : [];
  });
  return [...new Set(classes)].filter((type) => validationRulesOf(type).length > 0);
}

function isClass(type: unknown): type is new () => object {
  return typeof type === 'function';
}

/** JSON Schemas of messages stand in bodies with their whole text: they become components with a name. */
function nameSchemas(document: OpenAPIObject): void {
  const schemas: Record<string, unknown> = { ...document.components?.schemas };
  const named = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(named);
    if (typeof value !== 'object' || value === null) return value;
    const { $id, $schema: _, discriminator, ...rest }: Record<string, unknown> = { ...value };
    const inner = Object.fromEntries(Object.entries(rest).map(([key, part]) => [key, named(part)]));
    // A discriminator may name components only; `const` in the alternatives says the same.
    const schema = discriminator === undefined || Array.isArray(rest['oneOf']) ? inner : { ...inner, discriminator };
    if (typeof $id !== 'string') return schema;
    // Apart from the classes of answers, which are named after the same nouns.
    const name = `${schemaName($id)}Message`;
    schemas[name] = schema;
    return { $ref: `#/components/schemas/${name}` };
  };
  document.paths = named(document.paths) as OpenAPIObject['paths'];
  document.components = { ...document.components, schemas: schemas as never };
}

/** `urn:tantieme:deal-fact:v1` → `DealFact`. */
function schemaName(id: string): string {
  const name = id.replace(/^.*?([\w-]+):v\d+$/, '$1');
  return name.replace(/(?:^|\W)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The roles that a route admits, of the document; `public` where it needs no token. */
function rolesOf(operation: Operation): readonly string[] | 'public' {
  const extensions = operation as { readonly 'x-roles'?: unknown; readonly 'x-public'?: unknown };
  const roles = extensions['x-roles'];
  if (Array.isArray(roles)) return ROLES.filter((role) => roles.includes(role));
  return extensions['x-public'] === true ? 'public' : [];
}

function describeRoles(operation: Operation): void {
  const roles = rolesOf(operation);
  const withoutPartner = roles === 'public' ? [] : roles.filter((role) => role !== 'partner');
  const sentence =
    roles === 'public'
      ? 'Public: needs no token.'
      : roles.length === 0
        ? 'Admits nobody.'
        : [
            ...(withoutPartner.length === 0 ? [] : [`Roles: ${withoutPartner.join(', ')}.`]),
            ...(roles.includes('partner') ? ['Partners: their own data only.'] : []),
          ].join(' ');
  operation.description = [operation.description, sentence].filter(Boolean).join('\n\n');
}

/** Bodies that are read whole; a streamed one is idempotent by its content. */
function hasWholeBody({ requestBody }: Operation): boolean {
  const types = requestBody !== undefined && 'content' in requestBody ? Object.keys(requestBody.content) : [];
  return types.some((type) => /json$|yaml$/.test(type) && !type.includes('ndjson'));
}

function addIdempotencyKey(method: Method, operation: Operation): void {
  if (!takesIdempotencyKey(method, operation)) return;
  operation.parameters = [
    ...(operation.parameters ?? []),
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'A repetition with the same key and body gets the first answer again, and changes nothing',
      schema: { type: 'string', minLength: 1, maxLength: 255, example: '2f7c1d9e-6a58-4f0e-9a5e-0d4b5c1f8a77' },
    },
  ];
}

function takesIdempotencyKey(method: Method, operation: Operation): boolean {
  if ((method !== 'post' && method !== 'put') || rolesOf(operation) === 'public') return false;
  return operation.requestBody === undefined || hasWholeBody(operation);
}

/** Adds what any route of this kind may answer to what the route itself declares. */
function addProblems(method: Method, operation: Operation): void {
  const roles = rolesOf(operation);
  const problems: Record<number, ProblemCodes> = {
    500: { InternalError: 'something went wrong here; the correlation id names it in the log' },
  };
  const add = (status: number, codes: ProblemCodes): void => {
    problems[status] = { ...problems[status], ...codes };
  };
  if (roles !== 'public') {
    add(401, { Unauthenticated: 'the request has no valid bearer token' });
    add(403, { RoleMissing: 'the token has none of the roles of this operation' });
    add(503, {
      EventStoreUnavailable: 'the event store cannot be reached; try again',
      DatabaseUnavailable: 'the database cannot be reached; try again',
      IssuerUnavailable: 'the keys of the token issuer cannot be fetched; try again',
      UnknownPosition: 'the event log is another or older one than was read; an operator must restore it',
      IncompleteStream: 'events of a stream are missing; an operator must restore the event log',
      EventStoreRefused: 'the event store refuses the call; an operator must remove the cause',
    });
    if (method !== 'get')
      add(507, { StorageFull: 'the disk is full: nothing was stored; an operator must free space' });
    if (roles.includes('partner'))
      add(403, {
        NotYours: 'it belongs to another partner',
        PartnerClaimMissing: 'the token has the role partner but names no partner',
      });
  }
  if ((operation.parameters ?? []).length > 0 || operation.requestBody !== undefined)
    add(422, { RequestInvalid: 'fields of the request are invalid; `errors` lists all of them' });
  if (operation.requestBody !== undefined) {
    add(413, { PayloadTooLarge: 'the body is too large' });
    add(415, { UnsupportedMediaType: 'the content type is none of this operation' });
    if (hasWholeBody(operation)) add(400, { BadRequest: 'the body is not valid JSON' });
  }
  if (takesIdempotencyKey(method, operation)) {
    add(409, { IdempotencyKeyInFlight: 'a request with the same idempotency key is still being worked on' });
    add(422, {
      IdempotencyKeyInvalid: 'the idempotency key is not 1 to 255 visible ASCII characters',
      IdempotencyKeyReused: 'the idempotency key was used for another request',
    });
  }
  for (const [status, codes] of Object.entries(problems)) {
    const declared = operation.responses[status];
    // A route's own codes come first.
    const own = declared !== undefined && 'description' in declared ? declared.description : '';
    const added = Object.entries(codes).filter(([code]) => !own.includes(`\`${code}\``));
    operation.responses[status] = {
      content: { [PROBLEM_TYPE]: { schema: { $ref: getSchemaPath(Problem) } } },
      ...declared,
      description: [own, describeCodes(Object.fromEntries(added))].filter((part) => part !== '').join('. '),
    };
  }
}

interface MediaType {
  schema?: JsonSchema;
  example?: unknown;
  examples?: Examples;
}

type Examples = Readonly<Record<string, { readonly value?: unknown }>>;

/** A route of YAML and JSON lists its examples once: those that are texts are YAML. */
function examplesOfType(type: string, schema: JsonSchema, examples: Examples): Examples {
  if (!/[/+]json$/.test(type) || schema['type'] !== 'object') return examples;
  return Object.fromEntries(Object.entries(examples).filter(([, { value }]) => typeof value !== 'string'));
}

/** Bodies without an example of their own get one from the examples of their properties. */
function addExamples(document: OpenAPIObject, operation: Operation): void {
  const resolve = (ref: string): JsonSchema | undefined =>
    document.components?.schemas?.[ref.replace('#/components/schemas/', '')] as JsonSchema | undefined;
  for (const body of [operation.requestBody, ...Object.values(operation.responses)]) {
    const content = body !== undefined && 'content' in body ? body.content : undefined;
    for (const [type, media] of Object.entries(content ?? {}) as [string, MediaType][]) {
      if (type === PROBLEM_TYPE || media.schema === undefined || media.example !== undefined) continue;
      if (media.examples !== undefined) {
        media.examples = examplesOfType(type, media.schema, media.examples);
        continue;
      }
      const example = exampleOf(media.schema, resolve);
      if (example !== undefined) media.example = example;
    }
  }
}
