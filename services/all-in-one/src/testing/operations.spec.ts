/** `docs/operations.md` lists what there is: every variable, every metric. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Metrics } from '@tantieme/service-kit/observability/metrics';
import { KAFKA_VARIABLES, VARIABLES } from '@tantieme/service-kit/runtime/config';

const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');

/** First cells of the tables' rows that hold a name. */
const names = [...page.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name ?? '');

describe('docs/operations.md', () => {
  it('lists every environment variable, once', () => {
    const listed = names.filter((name) => /^(TANTIEME|OTEL)_/.test(name));
    expect(listed.sort()).toEqual([...Object.values(VARIABLES), ...Object.values(KAFKA_VARIABLES)].sort());
  });

  it('lists every metric, once', async () => {
    const metrics = await new Metrics().registry.getMetricsAsJSON();
    const listed = names.filter((name) => name.startsWith('tantieme_'));
    expect(listed.sort()).toEqual(metrics.map(({ name }) => name).sort());
  });
});
