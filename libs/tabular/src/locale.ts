import type { FileFormat, FormatOfLocale } from './file-format.js';
import type { NumberFormat } from './number-format.js';

/** Digits enough to show both kinds of groups: `12,34,567` in India. */
const SAMPLE_NUMBER = 1_234_567_890.5;
const SAMPLE_DAY = Date.UTC(2016, 10, 8);

/** Digits 0 to 9 and the Gregorian calendar, whatever else the locale uses in print. */
const IN_FILES = { numberingSystem: 'latn', calendar: 'gregory', timeZone: 'UTC' } as const;

const DIRECTION_MARKS = /[\u061c\u200e\u200f]/g;

/** How people of a BCP 47 locale write numbers and dates, as ICU knows it: `fr-FR`, `de-DE`, `en-US`. */
export const formatOfLocale: FormatOfLocale = (locale) => {
  if (!isKnown(locale)) return undefined;
  return { numbers: numbersOf(locale), dates: datesOf(locale) };
};

function isKnown(locale: string): boolean {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale).length > 0;
  } catch {
    // Not the form of a locale at all.
    return false;
  }
}

function numbersOf(locale: string): NumberFormat {
  const parts = new Intl.NumberFormat(locale, { ...IN_FILES, useGrouping: 'always' }).formatToParts(SAMPLE_NUMBER);
  const textOf = (type: string): string | undefined => parts.find((part) => part.type === type)?.value;
  const groups = parts.filter(({ type }) => type === 'integer').map(({ value }) => value.length);
  const group = textOf('group');
  return {
    decimal: textOf('decimal') ?? '.',
    ...(group === undefined ? {} : { group, groupSizes: [groups.at(-1) ?? 3, groups.at(-2) ?? 3] }),
  };
}

/** The short form with the year in full. Days and months may have a leading zero or not: spreadsheets write both. */
function datesOf(locale: string): NonNullable<FileFormat['dates']> {
  const patternOf: Readonly<Record<string, string>> = { year: 'yyyy', month: 'M', day: 'd' };
  return new Intl.DateTimeFormat(locale, { ...IN_FILES, year: 'numeric', month: 'numeric', day: 'numeric' })
    .formatToParts(SAMPLE_DAY)
    .map(({ type, value }) => patternOf[type] ?? value.replace(DIRECTION_MARKS, ''))
    .join('');
}
