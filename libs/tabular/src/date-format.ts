/** Dates as files write them (`2014-01-03`, `11/8/2016`, `08.11.2016 14:30`), read strictly by a pattern. */

/**
 * What a pattern may have: the year in four digits, month, day, hour, minute and second in one or two (`M`, `d`, `H`:
 * without a leading zero, or with; the doubled ones: always two digits), and anything between that is no letter. The
 * names are those of Unicode's date patterns (UTS 35).
 */
const TOKENS: Readonly<Record<string, readonly [field: Field, digits: string]>> = {
  yyyy: ['year', '[0-9]{4}'],
  MM: ['month', '[0-9]{2}'],
  M: ['month', '[0-9]{1,2}'],
  dd: ['day', '[0-9]{2}'],
  d: ['day', '[0-9]{1,2}'],
  HH: ['hour', '[0-9]{2}'],
  H: ['hour', '[0-9]{1,2}'],
  mm: ['minute', '[0-9]{2}'],
  ss: ['second', '[0-9]{2}'],
};

type Field = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

export interface DateFormat {
  /** Why the pattern is none. */
  readonly fault?: string;
  /**
   * The instant of a text in a time zone, ISO 8601 in UTC, or undefined where the text does not fit or is no date: the
   * 30th of February is none. Of a time that happens twice or not at all (daylight saving) the earlier offset counts.
   */
  readonly instant: (text: string, timeZone: string) => string | undefined;
}

export function compileDateFormat(format: string): DateFormat {
  const fields: Field[] = [];
  let pattern = '';
  for (const [part] of format.matchAll(/([A-Za-z])\1*|[^A-Za-z]/g)) {
    const token = TOKENS[part];
    if (token !== undefined) {
      const [field, digits] = token;
      if (fields.includes(field)) return unusable(`names the ${field} twice`);
      fields.push(field);
      pattern += `(${digits})`;
    } else if (/^[A-Za-z]/.test(part)) return unusable(`${part} is none of ${Object.keys(TOKENS).join(', ')}`);
    else pattern += part.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`);
  }
  for (const needed of ['year', 'month', 'day'] as const)
    if (!fields.includes(needed)) return unusable(`has no ${needed}`);
  const expression = new RegExp(`^${pattern}$`);
  return {
    instant: (text, timeZone) => {
      const match = expression.exec(text);
      if (match === null) return undefined;
      const numbers = Object.fromEntries(fields.map((field, index) => [field, Number(match[index + 1])]));
      return instantOf(numbers, timeZone);
    },
  };
}

function unusable(fault: string): DateFormat {
  return { fault, instant: () => undefined };
}

/** Temporal throws for a date that does not exist, and nothing else here can go wrong: the zone was checked. */
function instantOf(numbers: Record<string, number>, timeZone: string): string | undefined {
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = numbers;
  try {
    return Temporal.PlainDateTime.from({ year, month, day, hour, minute, second }, { overflow: 'reject' })
      .toZonedDateTime(timeZone)
      .toInstant()
      .toString({ fractionalSecondDigits: 3 });
  } catch {
    return undefined;
  }
}
