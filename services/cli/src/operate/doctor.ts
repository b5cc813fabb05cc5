/** `tantieme doctor`: checks that the server answers, keeps up, and has nothing that needs a person. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Command } from 'commander';
import { count, print, printJson } from '../output/print.js';
import { dataOf, errorText, itemsOf } from '../server/client.js';
import type { Api } from '../server/client.js';
import { addressOf, connect, serverCommand } from '../server/connection.js';
import type { ServerOptions } from '../server/connection.js';

interface Check {
  readonly check: string;
  readonly state: 'ok' | 'attention' | 'failed';
  readonly detail: string;
}

/** Limit on counted rows: nobody looks through more. */
const COUNTED_MAX = 1000;

export function doctorCommand(): Command {
  return serverCommand(
    'doctor',
    'check that the server answers, is ready and keeps up, and list what needs your attention',
  ).action(async (options: ServerOptions) => {
    const checks: Check[] = [{ check: 'node', state: 'ok', detail: process.version }];
    const { url } = addressOf(options);
    try {
      const api = await connect(options, 'operator');
      await checkServer(api, url, checks);
    } catch (error) {
      checks.push({ check: 'server', state: 'failed', detail: errorText(error) });
    }
    if (options.json) printJson(checks);
    else for (const { check, state, detail } of checks) print(`${state.padEnd(9)}  ${check.padEnd(9)}  ${detail}`);
    if (checks.some(({ state }) => state === 'failed')) process.exitCode = 1;
  });
}

async function checkServer(api: Api, url: string, checks: Check[]): Promise<void> {
  await dataOf(api.GET('/health/live'));
  checks.push({ check: 'server', state: 'ok', detail: `answers at ${url}` });
  const { status, failing } = await dataOf(api.GET('/health/ready'));
  checks.push({
    check: 'readiness',
    state: status === 'ready' ? 'ok' : 'attention',
    detail: failing.length === 0 ? status : `${status}: ${failing.join(', ')}`,
  });
  const { items } = await dataOf(api.GET('/health/lag'));
  const behind = items.filter(({ lag }: { lag?: string }) => Number(lag ?? 0) > 0);
  const errors = items.filter(({ lastError }: { lastError?: string }) => lastError !== undefined);
  checks.push({
    check: 'work',
    state: errors.length > 0 ? 'failed' : behind.length > 0 ? 'attention' : 'ok',
    detail:
      errors.length > 0
        ? errors
            .map(({ name, lastError }: { name: string; lastError?: string }) => `${name}: ${lastError ?? ''}`)
            .join('; ')
        : behind.length > 0
          ? behind.map(({ name, lag }: { name: string; lag?: string }) => `${name} is ${lag ?? '?'} behind`).join('; ')
          : `all ${items.length} background processes are up to date`,
  });
  const refused = await counted((query) =>
    api.GET('/refusals', { params: { query: omitUndefined({ ...query, state: 'open' as const }) } }),
  );
  checks.push({
    check: 'refusals',
    state: refused === 0 ? 'ok' : 'attention',
    detail: openText(refused, 'refusal', 'tantieme refusal list'),
  });
  const parked = await counted((query) => api.GET('/parked', { params: { query } }));
  checks.push({
    check: 'parked',
    state: parked === 0 ? 'ok' : 'attention',
    detail: openText(parked, 'parked item', 'tantieme parked list'),
  });
  const pending = await counted((query) => api.GET('/pending-deals', { params: { query } }));
  checks.push({
    check: 'pending',
    state: pending === 0 ? 'ok' : 'attention',
    detail: openText(pending, 'pending deal', 'tantieme pending list'),
  });
}

async function counted(page: Parameters<typeof itemsOf<unknown>>[0]): Promise<number> {
  return (await Array.fromAsync(itemsOf(page, COUNTED_MAX))).length;
}

function openText(number: number, noun: string, command: string): string {
  if (number === 0) return `no ${noun}s`;
  return `${number >= COUNTED_MAX ? `${COUNTED_MAX} or more ${noun}s` : count(number, noun)} (${command})`;
}
