/** Short ids: `acme 2026-01` stands for `ACME|EUR|monthly@Europe/Paris|2026-01` as long as only one id matches. */
import { PERIOD_ID } from '@tantieme/contracts/ledger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { timeZoneOf } from '../output/time.js';
import { itemsOf } from './client.js';
import type { Api } from './client.js';

/** Candidates that an error names: enough to choose from. */
const NAMED_MAX = 10;

/**
 * The only candidate that matches all words: each word is a part of the id or the beginning of one, in upper or lower
 * case. If several match, the one in which each word is a whole part.
 * @throws if none or several match
 */
export function resolve(what: string, words: readonly string[], ids: readonly string[]): string {
  const exact = words.length === 1 ? ids.find((id) => id === words[0]) : undefined;
  if (exact !== undefined) return exact;
  const wanted = words.map((word) => word.toLowerCase());
  const fitting = (fits: (part: string, word: string) => boolean): readonly string[] =>
    ids.filter((id) => {
      const parts = id.toLowerCase().split('|');
      return wanted.every((word) => parts.some((part) => fits(part, word)));
    });
  const typed = words.join(' ');
  for (const found of [fitting((part, word) => part === word), fitting((part, word) => part.startsWith(word))]) {
    const [only, ...others] = found;
    if (only !== undefined && others.length === 0) return only;
    if (only !== undefined)
      throw new Error(
        `"${typed}" means ${found.length} ${what}s; name one:\n${found
          .slice(0, NAMED_MAX)
          .map((id) => `  ${id}`)
          .join('\n')}${found.length > NAMED_MAX ? '\n  …' : ''}`,
      );
  }
  throw new Error(`there is no ${what} "${typed}"`);
}

/** The id of a statement, given whole or by words such as payee and period. */
export async function statementId(api: Api, words: readonly string[]): Promise<string> {
  const [whole = ''] = words;
  if (words.length === 1 && whole.split('|').length === 4) return whole;
  const period = words.find((word) => PERIOD_ID.test(word));
  const listed = await Array.fromAsync(
    itemsOf<{ readonly id: string }>((query) =>
      api.GET('/statements', { params: { query: omitUndefined({ ...query, period }) } }),
    ),
  );
  return resolve(
    'statement',
    words,
    listed.map(({ id }) => id),
  );
}

/** The calendar of a period: the one named, or the only one that plans have. */
export async function calendarOf(api: Api, named: string | undefined): Promise<string> {
  const calendars = await calendarsOf(api);
  if (named !== undefined) return calendars.find((key) => key === named) ?? resolve('calendar', [named], calendars);
  const [only, ...others] = calendars;
  if (only === undefined) throw new Error('there is no plan yet, hence no calendar with periods');
  if (others.length > 0)
    throw new Error(`several calendars are in use; name one with --calendar: ${calendars.join(', ')}`);
  return only;
}

/** Keys of the calendars of the plans. */
export async function calendarsOf(api: Api): Promise<readonly string[]> {
  const plans = await Array.fromAsync(itemsOf((query) => api.GET('/plans', { params: { query } })));
  return [...new Set(plans.map(({ calendar }) => calendar))].sort();
}

/** The time zone for printed times: the one named, or that of all plans' calendars, or UTC where they have several. */
export async function timeZoneFor(api: Api, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const [zone, ...others] = new Set((await calendarsOf(api)).map(timeZoneOf));
  return zone === undefined || others.length > 0 ? 'UTC' : zone;
}
