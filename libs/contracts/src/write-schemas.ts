/** Writes the JSON Schemas to `schemas/`: `npm run schemas -w @tantieme/contracts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { MESSAGE_TYPES, MESSAGE_VERSION, schemaOf } from './schemas.js';

const directory = new URL('../schemas/', import.meta.url);
mkdirSync(directory, { recursive: true });
for (const type of MESSAGE_TYPES)
  writeFileSync(new URL(`${type}.v${MESSAGE_VERSION}.json`, directory), `${JSON.stringify(schemaOf(type), null, 2)}\n`);
