import { afterEach, describe, expect, it } from '@jest/globals';
import { EngineUnknown, engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { accountDecider, accountStream, STATEMENT_ENGINES } from './account.js';
import { CALENDAR, entry, issue, line, receive, run } from './account.fixture.js';
import { readStatement } from '../statement/statement-document.service.js';

const first = STATEMENT_ENGINES.of(1);
/** Test only: version 2 pays nothing below 1,000.00. */
const engines = engineVersions('statement', {
  1: first,
  2: {
    ...first,
    termsOf: (...terms: Parameters<typeof first.termsOf>) => ({ ...first.termsOf(...terms), minimumMinor: 100_000n }),
  },
});

const january = line();
const february = line({ deal: 'crm|D-2', period: '2026-02', origin: '2026-02' });
const commands = [
  receive([january]),
  issue('2026-01', [entry([january])]),
  receive([february]),
  issue('2026-02', [entry([february])]),
];

describe('a version of the statement arithmetic', () => {
  const old = accountDecider();
  const newest = accountDecider(engines);
  const store = openSqliteEventStore(':memory:');
  afterEach(() => store.close());

  it('issues new statements, and decides and reads those of an older version by theirs', async () => {
    const { events: issued } = run(old, commands.slice(0, 2));
    // `run` decides every event again.
    const { events } = run(newest, [...issued.map(newest.commandOf), ...commands.slice(2)]);
    const payable = events.flatMap(({ data }) => ('entries' in data ? [[data.engine, data.statement.payable]] : []));
    expect(payable).toEqual([
      [1, '40.00'],
      [2, '0.00'],
    ]);
    expect(() => run(old, events.map(old.commandOf))).toThrow(EngineUnknown);

    const stream = accountStream('P1', 'EUR');
    const context = { actor: 'service:test', correlationId: 'c' };
    const runtime = createRuntime({ store, decider: newest });
    for (const [index, event] of events.entries())
      await runtime.handle(stream, newest.commandOf(event), { ...context, cause: `cause-${index}` });
    const read = (period: string, revision: number, known = engines) =>
      readStatement(store, { id: `P1|EUR|${CALENDAR}|${period}`, payee: 'P1', currency: 'EUR', revision }, known);
    expect(await read('2026-01', 1)).toMatchObject({ payable: '40.00', lines: [{ amount: '40.00' }] });
    expect(await read('2026-02', 3)).toMatchObject({ payable: '0.00', carried: '40.00' });
    await expect(read('2026-02', 3, STATEMENT_ENGINES)).rejects.toThrow(
      'version 2 of the statement calculation is not in this build, which has 1',
    );
  });
});
