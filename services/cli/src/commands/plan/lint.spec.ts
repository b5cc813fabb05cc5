import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { lintCommand } from './lint.js';

const HEAD = 'plan: p\ntitle: P\ncurrency: EUR\ncalendar: { periods: monthly, timeZone: Europe/Paris }\ncomponents:\n';
const FINE = `${HEAD}  - { id: sales, credit: { trigger: booked }, rate: { percent: 4 % } }\n`;
const CLIFF = `${HEAD}  - { id: sales, credit: { trigger: booked }, rate: { retroactive: [{ below: 10000, pay: 5 % }, { pay: 4 % }] }, returns: { policy: line } }\n`;
const BROKEN = `${HEAD}  - { id: sales, credit: { trigger: booked }, rate: { percent: '4,5 %' } }\n`;

describe('tantieme plan lint', () => {
  let folder = '';
  let printed = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'plan-lint-'));
    printed = '';
    process.exitCode = 0;
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
    process.exitCode = 0;
  });

  /** Runs the command on a document. @returns its exit code */
  async function lint(document: string, ...options: readonly string[]): Promise<unknown> {
    const file = join(folder, 'plan.yaml');
    writeFileSync(file, document);
    await lintCommand().parseAsync([file, ...options], { from: 'user' });
    return process.exitCode;
  }

  it('reports nothing for a plan without faults', async () => {
    expect(await lint(FINE, '--strict')).toBe(0);
    expect(printed).toContain('no findings');
  });

  it('prints place, code, message and reason of a warning, and fails on it only with --strict', async () => {
    expect(await lint(CLIFF)).toBe(0);
    expect(printed).toContain('plan.yaml:6:');
    expect(printed).toContain(
      'warning CliffLowersPay at /components/0/rate/retroactive/1/pay: at 10,000.00 sold the pay falls from 500.00 to 400.00',
    );
    expect(printed).toContain('    a payee who sells more earns less');
    expect(printed).toContain('0 errors, 1 warning\n');
    expect(await lint(CLIFF, '--strict')).toBe(1);
  });

  it('fails on an error', async () => {
    expect(await lint(BROKEN)).toBe(1);
    expect(printed).toContain('error TextInvalid at /components/0/rate');
  });

  it('prints JSON with --json', async () => {
    expect(await lint(CLIFF, '--json')).toBe(0);
    expect(JSON.parse(printed)).toMatchObject([{ code: 'CliffLowersPay', severity: 'warning', line: 6 }]);
  });
});
