/** Dates as files write them (`2014-01-03`, `11/8/2016`, `08.11.2016 14:30`), read strictly by a pattern. */

/**
 * The parts of a pattern, named as in Unicode's date patterns (UTS 35). `M`, `d` and `H` read one or two digits, their
 * doubled forms exactly two. Anything but a Latin letter may stand between the parts.
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
  /** Why the pattern cannot be used. */
  readonly fault?: string;
  /**
   * The instant of a text in a time zone, ISO 8601 in UTC. Undefined where the text does not match the pattern or names
   * a date that does not exist, such as 30 February. Of a time that occurs twice or never (daylight saving), the earlier
   * offset counts.
   */
  readonly instant: (text: string, timeZone: string) => string | undefined;
  /** The day of a text (`2026-03-05`), or undefined as above. */
  readonly day: (text: string) => string | undefined;
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
    } else if (/^[A-Za-z]/.test(part))
      return unusable(`has ${part}, which is not one of ${Object.keys(TOKENS).join(', ')}`);
    else pattern += part.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`);
  }
  for (const needed of ['year', 'month', 'day'] as const)
    if (!fields.includes(needed)) return unusable(`has no ${needed}`);
  const expression = new RegExp(`^${pattern}$`);
  const dateTimeOf = (text: string): Temporal.PlainDateTime | undefined => {
    const match = expression.exec(text);
    if (match === null) return undefined;
    return existing(Object.fromEntries(fields.map((field, index) => [field, Number(match[index + 1])])));
  };
  return {
    instant: (text, timeZone) =>
      dateTimeOf(text)?.toZonedDateTime(timeZone).toInstant().toString({ fractionalSecondDigits: 3 }),
    day: (text) => dateTimeOf(text)?.toPlainDate().toString(),
  };
}

function unusable(fault: string): DateFormat {
  return { fault, instant: () => undefined, day: () => undefined };
}

/** Temporal throws for a date that does not exist; given whole numbers, nothing else can go wrong. */
function existing(numbers: Record<string, number>): Temporal.PlainDateTime | undefined {
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = numbers;
  try {
    return Temporal.PlainDateTime.from({ year, month, day, hour, minute, second }, { overflow: 'reject' });
  } catch {
    return undefined;
  }
}
