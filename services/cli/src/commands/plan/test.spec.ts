import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCommand } from './test.js';

const PLAN = `plan: p
title: P
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components: [{ id: sales, credit: { trigger: booked }, rate: { percent: 10 % } }]
`;

describe('tantieme plan test', () => {
  let folder: string;
  let printed: string;

  const linesOf = (name: string): string => readFileSync(join(folder, name, 'lines.csv'), 'utf8');
  const run = async (...args: readonly string[]): Promise<number> => {
    await testCommand().parseAsync([...args, folder], { from: 'user' });
    const code = Number(process.exitCode ?? 0);
    process.exitCode = 0;
    return code;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'golden-'));
    for (const [name, amount] of [
      ['right', '10'],
      ['wrong', '11'],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'plan.yaml'), PLAN);
      writeFileSync(join(folder, name, 'deals.csv'), 'deal,at,net,seller\nD1,2026-01-10,100,NORD\n');
      writeFileSync(join(folder, name, 'lines.csv'), `payee,deal,amount\nNORD,D1,${amount}\n`);
    }
    printed = '';
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('prints each line that differs, and exits with 1', async () => {
    expect(await run()).toBe(1);
    expect(printed).toMatch(/right: 1 line, 10.00 EUR, as expected/);
    expect(printed).toMatch(/amount +│ NORD +│ D1 +│ +11.00 │ 10.00/);
    expect(printed).toMatch(/expected 11.00 EUR, got 10.00 EUR\n2 cases: 1 as expected, 1 different/);
  });

  it('reports a file that it cannot read, runs the other cases, and exits with 1', async () => {
    writeFileSync(join(folder, 'wrong', 'deals.csv'), 'deal,at,net,seller\nD1,2026-01-10,many,NORD\n');
    expect(await run('--json')).toBe(1);
    expect(JSON.parse(printed)).toMatchObject([
      { differences: [] },
      { faults: [{ file: 'deals.csv', row: 2, column: 'net' }] },
    ]);
  });

  it('updates the expected files with --update --yes', async () => {
    expect(await run('--update', '--yes')).toBe(0);
    expect([linesOf('right'), linesOf('wrong')]).toEqual([
      'payee,deal,amount\nNORD,D1,10\n',
      'payee,deal,amount\nNORD,D1,10.00\n',
    ]);
    expect(await run()).toBe(0);
  });

  it('names a folder that does not exist, or has no case', async () => {
    const run = (name: string) => testCommand().parseAsync([join(folder, name)], { from: 'user' });
    await expect(run('typo')).rejects.toThrow('typo: there is no such folder');
    mkdirSync(join(folder, 'empty'));
    await expect(run('empty')).rejects.toThrow('empty has no golden case');
  });

  it('writes nothing if it cannot ask for confirmation', async () => {
    await expect(run('--update', '--json')).rejects.toThrow('--update with --json needs --yes');
    const { isTTY } = process.stdin;
    process.stdin.isTTY = false;
    await expect(run('--update')).rejects.toThrow('add --yes to confirm');
    process.stdin.isTTY = isTTY;
    expect(linesOf('wrong')).toBe('payee,deal,amount\nNORD,D1,11\n');
  });
});
