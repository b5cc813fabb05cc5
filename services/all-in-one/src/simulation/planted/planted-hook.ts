/** Loaded before anything else (`node --import`): gives one built file the text of a planted bug. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

interface Mutated {
  /** Path of the built file. */
  readonly path: string;
  readonly code: string;
}

const { path, code } = JSON.parse(readFileSync(process.env['PLANTED_BUG'] ?? '', 'utf8')) as Mutated;
const url = pathToFileURL(path).href;

registerHooks({
  load: (one, context, next) =>
    one === url ? { format: 'module', shortCircuit: true, source: code } : next(one, context),
});
