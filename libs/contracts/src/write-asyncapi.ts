/** Writes the AsyncAPI document to `docs/`: `npm run asyncapi -w @tantieme/contracts`. */
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { asyncApi } from './asyncapi.js';

writeFileSync(
  new URL('../../../docs/asyncapi.yaml', import.meta.url),
  `# Generated: npm run asyncapi -w @tantieme/contracts\n${stringify(asyncApi(), { aliasDuplicateObjects: false })}`,
);
