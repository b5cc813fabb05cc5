import { join } from 'node:path';
import { ESLint, Linter } from 'eslint';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../../..');
const eslint = new ESLint({ cwd: ROOT });
const RULES = ['no-restricted-globals', 'no-restricted-properties', 'no-restricted-imports'] as const;

/** What the project's own rules say about code in the file. */
async function findings(file: string, code: string): Promise<number> {
  const config = (await eslint.calculateConfigForFile(join(ROOT, file))) as Linter.Config;
  const rules = Object.fromEntries(RULES.map((name) => [name, config.rules?.[name] ?? 'off'] as const));
  return new Linter().verify(code, { rules, languageOptions: { globals: config.languageOptions?.globals ?? {} } })
    .length;
}

describe('what the scheduler runs', () => {
  it.each([
    'libs/event-sourcing/src/process/scheduler.ts',
    'libs/messaging/src/embedded/subscription.ts',
    'services/payouts/src/statement-run/statement-run.process.ts',
    'services/commission-calculation/src/credit/credit.consumer.ts',
    'services/commission-calculation/src/credit/deal-dependencies.service.ts',
    'services/commission-calculation/src/credit/pending-deals.projection.ts',
  ])('sets no timer, and takes no time or randomness of its own, in %s', async (file) => {
    for (const code of [
      'setTimeout(work, 100);',
      'setInterval(work, 100);',
      'const nowMs = Date.now();',
      'const share = Math.random();',
      "import { setTimeout as pause } from 'node:timers/promises';",
    ])
      expect([code, await findings(file, code)]).toEqual([code, 1]);
  });
});
