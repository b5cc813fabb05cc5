import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';

import { Sample } from '../testing/sample.fixture.js';
import { apiDocument, operationsOf, requestClassesOf } from './openapi.js';
import { operationIdOf } from './operation-id.js';
import { exampleOf } from './schema-example.js';
import { unknownRules } from './validated-schema.js';

describe('the OpenAPI document', () => {
  let sample: Sample;
  let document: OpenAPIObject;
  beforeAll(async () => {
    sample = await Sample.start();
    document = apiDocument(sample.application);
  });
  afterAll(() => sample.stop());

  const operation = (method: 'get' | 'post' | 'put', path: string) => document.paths[path]?.[method];

  it('names every operation after method and path', () => {
    const ids = operationsOf(document).map(([, , { operationId }]) => operationId);
    expect(ids).toEqual(expect.arrayContaining(['listOrders', 'getOrder', 'createOrder', 'putOrder', 'getLiveness']));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('states the roles of an operation in its description', () => {
    expect(operation('post', '/orders')?.description).toBe('Orders are recorded once.\n\nRoles: source, finance.');
    expect(operation('get', '/orders')?.description).toContain('Roles: finance. Partners: their own data only.');
    expect(operation('get', '/mixed/open')?.description).toContain('Public: needs no token.');
    expect(operation('get', '/mixed/closed')?.description).toContain('Roles: operator.');
    expect(operation('get', '/forgotten/route')?.description).toContain('Admits nobody.');
  });

  it('adds the problems that an operation of its kind may answer', () => {
    expect(Object.keys(operation('post', '/orders')?.responses ?? {})).toEqual([
      '200',
      '201',
      '400',
      '401',
      '403',
      '409',
      '413',
      '415',
      '422',
      '500',
      '503',
      '507',
    ]);
    expect(Object.keys(operation('get', '/mixed/open')?.responses ?? {})).toEqual(['200', '500']);
  });

  it('gives each code of a problem its meaning, and the operation’s own codes an example', () => {
    expect(operation('post', '/orders')?.responses['409']).toMatchObject({
      description: expect.stringMatching(/^`OrderKnown`: .*`IdempotencyKeyInFlight`: /),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: { OrderKnown: { value: { status: 409, code: 'OrderKnown' } } },
        },
      },
    });
  });

  it('takes the limits of a request from its validation', () => {
    const schemas = document.components?.schemas;
    expect(schemas?.['OrderBody']).toMatchObject({
      required: ['id', 'lines'],
      properties: {
        id: { type: 'string' },
        currency: { pattern: '^[A-Z]{3}$' },
        payment: { type: 'array', items: { type: 'string', enum: ['card', 'invoice'] } },
        lines: { type: 'array', maxItems: 100, items: { $ref: '#/components/schemas/LineBody' } },
      },
    });
    expect(schemas?.['LineBody']).toMatchObject({ properties: { net: { pattern: String.raw`^\d+\.\d\d$` } } });
    // Declared as `string | undefined`, and inherited.
    expect(operation('get', '/orders')?.parameters).toContainEqual(
      expect.objectContaining({ name: 'cursor', schema: expect.objectContaining({ type: 'string', maxLength: 2048 }) }),
    );
    expect(operation('get', '/orders')?.parameters).toContainEqual(
      expect.objectContaining({ name: 'limit', required: false, schema: expect.objectContaining({ maximum: 200 }) }),
    );
    expect(requestClassesOf(sample.application).flatMap(unknownRules)).toEqual([]);
  });

  it('makes examples of bodies from the examples of their properties', () => {
    expect(operation('post', '/orders')?.requestBody).toMatchObject({
      content: { 'application/json': { example: { id: 'O-1', lines: [{ net: '1.00' }] } } },
    });
  });

  it('describes each tag in use, once', () => {
    expect(document.tags?.map(({ name }) => name).sort()).toEqual([
      'deals',
      'health',
      'imports',
      'parked',
      'proposals',
    ]);
    for (const { description } of document.tags ?? []) expect(description).not.toBe('');
  });

  it('documents the idempotency key where it is supported', () => {
    const keyed = operationsOf(document).filter(([, , { parameters = [] }]) =>
      parameters.some((parameter) => 'name' in parameter && parameter.name === 'Idempotency-Key'),
    );
    expect(keyed.map(([path, method]) => `${method} ${path}`).sort()).toEqual([
      'post /bodies/text',
      'post /orders',
      'post /parked-proposals/{id}/confirm',
      'post /parked-proposals/{id}/reject',
      'post /parked/{id}/discard',
      'post /parked/{id}/retry',
      'put /orders/{id}',
    ]);
  });
});

describe('the id of an operation', () => {
  it.each([
    ['get', '/deals', 'listDeals'],
    ['get', '/deals/{source}/{id}', 'getDeal'],
    ['get', '/bonuses', 'listBonuses'],
    ['put', '/partners/{id}/tiers/{from}', 'putPartnerTier'],
    ['post', '/deals/facts', 'createDealFact'],
    ['post', '/exchange-rates', 'createExchangeRate'],
    ['post', '/plans/{id}/versions/{version}/approve', 'approvePlanVersion'],
    ['get', '/statements/{id}/document', 'getStatementDocument'],
    ['delete', '/bonuses/{id}', 'deleteBonus'],
  ])('of %s %s is %s', (method, path, id) => {
    expect(operationIdOf(method, path)).toBe(id);
  });
});

describe('the example of a schema', () => {
  const none = () => undefined;

  it('is absent where a required property has none', () => {
    const properties = { id: { type: 'string', example: 'a' }, name: { type: 'string' } };
    expect(exampleOf({ type: 'object', properties, required: ['id'] }, none)).toEqual({ id: 'a' });
    expect(exampleOf({ type: 'object', properties, required: ['id', 'name'] }, none)).toBeUndefined();
  });

  it('ends for a schema that contains itself', () => {
    const tree = { type: 'object', properties: { child: { $ref: 'tree' }, id: { example: 1 } } };
    expect(exampleOf(tree, () => tree)).toMatchObject({ id: 1 });
  });
});
