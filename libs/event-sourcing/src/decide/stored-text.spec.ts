import { join } from 'node:path';
import { ESLint, Linter } from 'eslint';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../../..');
const eslint = new ESLint({ cwd: ROOT });

/** What the project's own rule says about code in the file. */
async function findings(file: string, code: string): Promise<number> {
  const config = (await eslint.calculateConfigForFile(join(ROOT, file))) as Linter.Config;
  const rule = config.rules?.['no-restricted-syntax'];
  if (rule === undefined) return 0;
  return new Linter().verify(code, { rules: { 'no-restricted-syntax': rule } }).length;
}

const PARSES = [
  'const data = JSON.parse(stored.dataText);',
  'const read = ({ dataText }) => JSON.parse(dataText);',
  'const { actor } = JSON.parse(event.metadataText);',
];
const RENAMES = [
  'const read = ({ dataText: text }) => JSON.parse(text);',
  'const text = stored["dataText"] + stored.dataText;',
];

describe('the text of stored events', () => {
  it.each([
    'services/payouts/src/payouts.tables.ts',
    'services/payouts/src/account/account.ts',
    'services/payouts/src/account/account.events-out.ts',
    'services/rewards/src/closing/closing.process.ts',
    'services/all-in-one/src/start.ts',
    'services/cli/src/main.ts',
    'libs/service-kit/src/health/health.ts',
  ])('is not touched at all in %s', async (file) => {
    for (const code of [...PARSES, ...RENAMES]) expect([code, await findings(file, code)]).not.toEqual([code, 0]);
  });

  it.each(['libs/event-sourcing/src/process/relay.ts', 'libs/audit/src/part.ts'])(
    'is measured or compared, but never parsed, in %s',
    async (file) => {
      for (const code of PARSES) expect([code, await findings(file, code)]).not.toEqual([code, 0]);
      expect(await findings(file, 'const characters = stored.dataText.length;')).toBe(0);
    },
  );

  it('is parsed where events are upcast', async () => {
    expect(await findings('libs/event-sourcing/src/decide/upcasting.ts', PARSES[0] ?? '')).toBe(0);
  });
});
