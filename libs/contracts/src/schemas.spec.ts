import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { fieldSchema, MESSAGE_TYPES, MESSAGE_VERSION, schemaOf } from './schemas.js';

const directory = new URL('../schemas/', import.meta.url);

describe('the schema files', () => {
  it.each(MESSAGE_TYPES.map((type) => [type]))(
    'have the same schema of %s as the code (regenerate: npm run schemas -w @tantieme/contracts)',
    (type) => {
      expect(JSON.parse(readFileSync(new URL(`${type}.v${MESSAGE_VERSION}.json`, directory), 'utf8'))).toEqual(
        schemaOf(type),
      );
    },
  );

  it('are the message types and nothing else', () => {
    expect(readdirSync(directory).sort()).toEqual(
      MESSAGE_TYPES.map((type) => `${type}.v${MESSAGE_VERSION}.json`).sort(),
    );
  });
});

describe('the schema of a field', () => {
  it('is found by a dotted path, through lists and the forms of a message', () => {
    expect(fieldSchema('partner', 'country')).toMatchObject({ pattern: '^[A-Z]{2}$' });
    expect(fieldSchema('partner', 'agreements.from')).toMatchObject({ format: 'date' });
    expect(fieldSchema('deal-fact', 'terms.lines.net').description).toMatch('an amount');
    expect(fieldSchema('payment', 'reason')).toMatchObject({ maxLength: 500 });
    expect(() => fieldSchema('partner', 'payoutCurrency')).toThrow('a partner message has no field payoutCurrency');
  });
});
