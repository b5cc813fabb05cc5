import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { amended, booked, paid, returned, terms } from '../deal/deal.fixture.js';
import type { DealWithFacts } from '../deal/deal.dto.js';
import { eventually, TestService } from '../service.fixture.js';
import type { ImportLine } from '../service.fixture.js';
import { IMPORT_RUNTIME } from './import.commands.js';
import type { ImportRuntime } from './import.commands.js';
import type { Import } from './import.dto.js';
import type { ImportCommand } from './import.js';
import { importStream } from './import.js';
import { REFUSAL_RUNTIME } from '../refusal/refusal-runtime.service.js';
import type { RefusalRuntime } from '../refusal/refusal-runtime.service.js';
import { refusalStream } from '../refusal/refusal.js';

const service = new TestService();
beforeAll(() => service.start());
afterAll(() => service.end());

const importing = async (file: string, ...facts: readonly (DealFact | string)[]): Promise<string> => {
  const text = facts.map((fact) => (typeof fact === 'string' ? fact : JSON.stringify(fact))).join('\n');
  const { id, result } = await service.import({ format: 'ndjson', text, query: `file=${file}` });
  expect(result).toMatchObject({ type: 'result', facts: facts.length });
  return id;
};

const undo = async (id: string, query = ''): Promise<readonly ImportLine[]> => {
  const { statusCode, body } = await service.application.inject({
    method: 'POST',
    url: `/imports/${id}/undo?${query}`,
    headers: { authorization: `Bearer ${await service.token('source')}` },
  });
  expect(statusCode).toBe(200);
  return body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ImportLine);
};

const deal = async (id: string): Promise<Partial<DealWithFacts>> => {
  const { facts: _, revision: __, ...rest } = (await service.get<DealWithFacts>(`/deals/crm/${id}`)).body;
  return rest;
};

const imported = (id: string, is: (one: Import) => boolean): Promise<Import> =>
  eventually(async () => (await service.get<Import>(`/imports/${id}`)).body, is);

const record = (fact: DealFact) => service.post('/deals/facts', fact);

describe('undoing an import', () => {
  const EMPTY = { source: 'crm', invoices: [], payments: [], soldThrough: [], returns: [], overReturns: [] };

  it('withdraws what the file brought; a dry run lists it with totals first', async () => {
    await record(booked({ deal: 'U-1' }));
    const before = await deal('U-1');
    const id = await importing(
      'wrong.ndjson',
      paid({ deal: 'U-1', amount: '70' }),
      booked({ deal: 'U-2' }),
      returned({ deal: 'U-2', lines: [{ line: '1', net: '5' }] }),
      amended({ deal: 'U-2', terms: terms({ lines: [{ id: '1', net: '12' }] }) }),
    );
    const amounts = [
      { kind: 'booked', currency: 'EUR', facts: 1, amount: '100.00' },
      { kind: 'paid', currency: 'EUR', facts: 1, amount: '70.00' },
      { kind: 'amended', currency: 'EUR', facts: 1, amount: '12.00' },
      { kind: 'returned', currency: 'EUR', facts: 1, amount: '5.00' },
    ];
    const dry = await undo(id, 'dryRun=true');
    expect(dry.slice(0, -1)).toMatchObject([
      { type: 'withdrawn', source: 'crm', deal: 'U-1', fact: 'paid:PAY-1' },
      { type: 'withdrawn', deal: 'U-2', fact: 'booked' },
      { type: 'withdrawn', deal: 'U-2', fact: 'returned:R-1' },
      { type: 'withdrawn', deal: 'U-2', fact: expect.stringMatching(/^amended@/) },
    ]);
    expect(dry.at(-1)).toEqual({
      type: 'result',
      dryRun: true,
      withdrawn: 4,
      withdrawnBefore: 0,
      replaced: 0,
      amounts: expect.arrayContaining(amounts),
    });
    expect((await deal('U-1')).payments).toHaveLength(1);
    expect((await imported(id, ({ state }) => state !== 'running')).state).toBe('completed');

    const [dryResult, result] = [dry, await undo(id)].map((lines) => lines.at(-1));
    expect(result).toEqual({ ...dryResult, dryRun: false });
    expect(await deal('U-1')).toEqual(before);
    expect(await deal('U-2')).toEqual({ ...EMPTY, id: 'U-2' });
    const listed = await imported(id, ({ state }) => state === 'undone');
    expect(listed).toMatchObject({ accepted: 4, withdrawn: 4, replaced: 0, undoneAt: expect.any(String) });
    expect((await service.get<Page<Import>>('/imports?state=undone')).body.items).toEqual([listed]);
  });

  it('changes nothing when it is undone again, or the file is imported again', async () => {
    const facts = [booked({ deal: 'U-3' }), paid({ deal: 'U-3' })];
    const id = await importing('twice.ndjson', ...facts);
    await undo(id);
    const { body } = await service.get<DealWithFacts>('/deals/crm/U-3');
    expect(await undo(id)).toEqual([
      { type: 'result', dryRun: false, withdrawn: 0, withdrawnBefore: 2, replaced: 0, amounts: [] },
    ]);
    await importing('twice.ndjson', ...facts);
    expect((await service.get<DealWithFacts>('/deals/crm/U-3')).body).toEqual(body);
    // With higher revisions the facts count again.
    await importing('right.ndjson', ...facts.map((fact) => ({ ...fact, revision: 1 })));
    expect(await deal('U-3')).toMatchObject({ bookedAt: expect.any(String), payments: [{}] });
  });

  it('leaves alone, and lists, what a higher revision from elsewhere replaced meanwhile', async () => {
    const id = await importing('replaced.ndjson', booked({ deal: 'U-4' }), paid({ deal: 'U-4', revision: 1 }));
    await record(paid({ deal: 'U-4', amount: '33', revision: 2 }));
    const lines = await undo(id);
    expect(lines).toMatchObject([
      { type: 'withdrawn', fact: 'booked' },
      { type: 'replaced', source: 'crm', deal: 'U-4', fact: 'paid:PAY-1|1' },
      { type: 'result', withdrawn: 1, replaced: 1 },
    ]);
    expect((await deal('U-4')).payments).toMatchObject([{ amount: '33' }]);
    expect(await imported(id, ({ state }) => state === 'undone')).toMatchObject({ withdrawn: 1, replaced: 1 });
  });

  it('brings back the revision that the file had replaced', async () => {
    await record(booked({ deal: 'U-5', revision: 1 }));
    const before = await deal('U-5');
    const id = await importing(
      'correction.ndjson',
      booked({ deal: 'U-5', revision: 2, terms: terms({ lines: [{ id: '1', net: '1' }] }) }),
      booked({ deal: 'U-5', revision: 3, terms: terms({ lines: [{ id: '1', net: '2' }] }) }),
    );
    expect((await deal('U-5')).terms?.lines[0]?.net).toBe('2.00');
    expect((await undo(id)).at(-1)).toMatchObject({ withdrawn: 2, replaced: 0 });
    expect(await deal('U-5')).toEqual(before);
  });

  it('leaves what was recorded before the import, and withdraws what was recorded from its refusals', async () => {
    await record(booked({ deal: 'U-6' }));
    const id = await importing('retried.ndjson', booked({ deal: 'U-6' }), '{}');
    const refusal = 'b'.repeat(64);
    const refusals: RefusalRuntime = service.application.get(REFUSAL_RUNTIME);
    await refusals.handle(
      refusalStream(refusal),
      {
        kind: 'invalid',
        raw: JSON.stringify(paid({ deal: 'U-6' })),
        errors: [{ field: 'kind', reason: 'is unknown' }],
        import: id,
        at: '2026-03-05T10:00:00.000Z',
      },
      { actor: 'test', correlationId: 'c', cause: 'c' },
    );
    await eventually(
      () => service.post(`/refusals/${refusal}/retry`),
      ({ status }) => status === 200,
    );
    expect(await undo(id)).toMatchObject([{ type: 'withdrawn', fact: 'paid:PAY-1' }, { withdrawn: 1 }]);
    expect(await deal('U-6')).toMatchObject({ bookedAt: expect.any(String), payments: [] });
  });

  it('is followed by the right file, to which the mapping gives a revision', async () => {
    const file = (net: string, revision?: number) =>
      service.import({
        format: 'csv',
        text: `deal,at,net\nU-7,2026-03-05T10:00:00Z,${net}\n`,
        mapping: {
          source: 'crm',
          kind: 'booked',
          deal: 'deal',
          occurredAt: 'at',
          currency: 'EUR',
          line: { net: 'net' },
          ...(revision === undefined ? {} : { revision }),
        },
      });
    const { id } = await file('1000');
    await undo(id);
    expect((await file('10.00', 1)).result).toMatchObject({ accepted: 1 });
    expect((await deal('U-7')).terms?.lines[0]?.net).toBe('10.00');
    expect((await file('10.00', 1.5)).result).toMatchObject({
      code: 'MappingInvalid',
      errors: [{ field: 'revision' }],
    });
  });

  it('is refused for an import that is unknown, and to roles that import nothing', async () => {
    expect(await service.post('/imports/none/undo')).toMatchObject({ status: 404, body: { code: 'ImportUnknown' } });
    expect((await service.post('/imports/none/undo', {}, 'finance')).status).toBe(403);
  });
});

describe('an import whose server was killed', () => {
  const LONG_AGO = '2026-03-01T10:00:00.000Z';
  const counts = { facts: 1000, accepted: 998, repeated: 0, conflicts: 0, refused: 2 };

  /** What a killed server leaves behind: a start and a batch, without an end. */
  async function killed(id: string, at: string): Promise<void> {
    const imports: ImportRuntime = service.application.get(IMPORT_RUNTIME);
    const append = (change: Omit<ImportCommand, 'at'>) => {
      const command = { ...change, at } as ImportCommand;
      const context = { actor: 'olga', correlationId: id, cause: command.type };
      return imports.handle(importStream(id), command, context);
    };
    await append({ type: 'ImportStarted', data: { format: 'ndjson', file: 'half.ndjson' } });
    await append({ type: 'ImportBatchRecorded', data: { counts, refusals: [] } });
  }

  it('is listed as interrupted, with how far it came, and may be undone', async () => {
    await killed('dead', LONG_AGO);
    expect(await imported('dead', ({ state }) => state === 'interrupted')).toMatchObject({ ...counts, at: LONG_AGO });
    expect(await undo('dead')).toMatchObject([{ type: 'result', withdrawn: 0 }]);
  });

  it('is still running while its server lives, and cannot be undone then', async () => {
    await killed('alive', new Date().toISOString());
    expect(await imported('alive', ({ state }) => state === 'running')).toMatchObject(counts);
    expect(await service.post('/imports/alive/undo')).toMatchObject({ status: 409, body: { code: 'ImportRunning' } });
  });
});
