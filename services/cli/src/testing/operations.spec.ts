/** Every operation of the API has a command, or a reason why not. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

/** Operations that no command calls, and why. */
const WITHOUT_COMMAND: Readonly<Record<string, string>> = {
  'GET /metrics': 'Prometheus reads it; a person reads "tantieme doctor"',
  'GET /statements/{id}': '"statement show" reads the whole document instead of pages of lines',
  'POST /plans/lint': '"plan lint" runs the same linter without a server',
};

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

function operations(): readonly string[] {
  const file = new URL('../../../../docs/openapi.json', import.meta.url);
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, Record<string, unknown>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => METHODS.includes(method))
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/**
 * The typed client accepts only operations that exist: its calls in the sources are the operations that commands use.
 */
function called(): ReadonlySet<string> {
  const sources = fileURLToPath(new URL('../', import.meta.url));
  return new Set(
    globSync('**/*.ts', { cwd: sources, exclude: (name) => name.endsWith('.spec.ts') }).flatMap((name) =>
      [...readFileSync(`${sources}${name}`, 'utf8').matchAll(/\.(GET|PUT|POST|PATCH|DELETE)\(\s*'([^']+)'/g)].map(
        ([, method = '', path = '']) => `${method} ${path}`,
      ),
    ),
  );
}

describe('the operations of the API', () => {
  it('each have a command, or a reason why not', () => {
    const used = called();
    expect(used.size).toBeGreaterThan(40);
    expect(operations().filter((operation) => !used.has(operation) && !(operation in WITHOUT_COMMAND))).toEqual([]);
  });

  it('that are said to have no command have none, and exist', () => {
    const [used, known] = [called(), operations()];
    expect(
      Object.keys(WITHOUT_COMMAND).filter((operation) => used.has(operation) || !known.includes(operation)),
    ).toEqual([]);
  });
});
