import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MESSAGE_TYPES, MESSAGE_VERSION, schemaOf } from './schemas.js';

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
