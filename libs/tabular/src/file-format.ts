/** How a CSV file writes numbers, dates and cells: the part of a mapping that is the same whatever the rows are about. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';

import { compileDateFormat } from './date-format.js';
import { plainDecimal } from './number-format.js';
import type { NumberFormat } from './number-format.js';
import type { ObjectReader } from './object-reader.js';

export interface FileFormat {
  /** Absent: numbers are plain decimals, `-1234.50`. */
  readonly numbers?: NumberFormat;
  /** Pattern of dates, such as `dd.MM.yyyy` (`date-format.ts`). Absent: dates are ISO dates, `2026-03-05`. */
  readonly dates?: string;
  /** Separates the cells; a comma if absent. */
  readonly delimiter?: string;
  /** WHATWG name of the encoding; `utf-8` if absent. */
  readonly encoding?: string;
}

/** How people of a locale write numbers and dates; undefined for a locale that is not known. See `locale.ts`. */
export type FormatOfLocale = (locale: string) => Pick<FileFormat, 'numbers' | 'dates'> | undefined;

export const FILE_FORMAT_FIELDS = ['locale', 'numbers', 'dates', 'delimiter', 'encoding'] as const;

/** `numbers` and `dates` of the document take precedence over those of its locale. */
export function readFileFormat(document: ObjectReader, formatOfLocale: FormatOfLocale): FileFormat {
  const locale = document.optionalText('locale');
  const usual = locale === undefined || locale === '' ? undefined : formatOfLocale(locale);
  if (locale !== undefined && usual === undefined)
    document.fault('locale', `${JSON.stringify(locale)} is not a known locale, such as fr-FR, de-DE or en-US`);
  const dates = document.optionalText('dates');
  const fault = dates === undefined ? undefined : compileDateFormat(dates).fault;
  if (fault !== undefined) document.fault('dates', fault);
  return omitUndefined({
    numbers: numbersOf(document) ?? usual?.numbers,
    dates: dates ?? usual?.dates,
    delimiter: document.optionalText('delimiter'),
    encoding: document.optionalText('encoding'),
  });
}

function numbersOf(document: ObjectReader): NumberFormat | undefined {
  const numbers = document.optionalObject('numbers');
  if (numbers === undefined) return undefined;
  numbers.expectOnly(['decimal', 'group']);
  const [decimal, group] = [numbers.text('decimal'), numbers.optionalText('group')];
  for (const [name, separator] of [['decimal', decimal] as const, ['group', group] as const])
    if (separator !== undefined && !/^[^0-9+-]$/u.test(separator))
      numbers.fault(name, 'must be one character that is neither a digit nor a sign');
  if (decimal === group) numbers.fault('group', 'must differ from decimal');
  return omitUndefined({ decimal, group });
}

/** A cell as the text that a field wants, or why it has none. */
export type ReadCell = { readonly text: string } | { readonly fault: string };

/** Without a format the cell stays as it is: what it fills is checked anyway. */
export interface CellReader {
  /** Plain decimal text, `-1234.50`. */
  readonly number: (text: string) => ReadCell;
  /** A day, `2026-03-05`. */
  readonly day: (text: string) => ReadCell;
}

export function createCellReader({ numbers, dates }: FileFormat): CellReader {
  const format = dates === undefined ? undefined : compileDateFormat(dates);
  return {
    number: (text) => (numbers === undefined ? { text } : plainDecimal(text, numbers)),
    day: (text) => {
      if (format === undefined) return { text };
      const day = format.day(text);
      return day === undefined
        ? { fault: `${JSON.stringify(text)} is not a date of the form ${dates}` }
        : { text: day };
    },
  };
}
