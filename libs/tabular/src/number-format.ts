/**
 * Numbers as people's spreadsheets write them (`1.234,50`, `1 234,50`, `12,34,567.5`), read into plain decimal text.
 *
 * Written by hand: the parsers on offer give doubles (`globalize`, `@internationalized/number`), and money is exact.
 */

export interface NumberFormat {
  /** Separates the decimals. */
  readonly decimal: string;
  /** Separates groups of digits; absent where numbers are written without groups. */
  readonly group?: string;
  /** Digits of the last group, and of those before it; 3 and 3 by default, 3 and 2 in India. */
  readonly groupSizes?: readonly [last: number, others: number];
}

/** Characters that look alike and mean the same: people type the one, programs write the other. */
const ALIKE = [' \u00a0\u202f\u2009', "'\u2019"] as const;

/** Marks of writing direction, which spreadsheets in Arabic and Hebrew put around signs. */
const DIRECTION_MARKS = /[\u061c\u200e\u200f]/g;

export type PlainNumber = { readonly text: string } | { readonly fault: string };

/** Plain decimal text (`-1234.50`) of a number in this format. A per cent sign at its end stays. */
export function plainDecimal(text: string, format: NumberFormat): PlainNumber {
  const match = /^([-\u2212]?)(.*?)( ?%)?$/u.exec(text.replace(DIRECTION_MARKS, ''));
  const [, minus = '', digits = '', perCent = ''] = match ?? [];
  const [whole = '', fraction, ...more] = digits.split(format.decimal);
  const units = withoutGroups(whole, format);
  if (units === undefined || more.length > 0 || (fraction !== undefined && !/^[0-9]+$/.test(fraction)))
    return { fault: `${JSON.stringify(text)} is not a number ${described(format)}` };
  return { text: `${minus && '-'}${units}${fraction === undefined ? '' : `.${fraction}`}${perCent}` };
}

/** Undefined where the text is not digits, or a group has too many or too few of them: `1.5` is no thousand. */
function withoutGroups(
  whole: string,
  { group, groupSizes: [last, others] = [3, 3] }: NumberFormat,
): string | undefined {
  if (/^[0-9]+$/.test(whole)) return whole;
  if (group === undefined) return undefined;
  const groups = whole.split(separatorOf(group));
  const fits = groups.every((digits, index) => {
    if (!/^[0-9]+$/.test(digits)) return false;
    if (index === groups.length - 1) return digits.length === last;
    return index === 0 ? digits.length <= others : digits.length === others;
  });
  return fits ? groups.join('') : undefined;
}

function separatorOf(group: string): string | RegExp {
  const alike = ALIKE.find((characters) => characters.includes(group));
  return alike === undefined ? group : new RegExp(`[${alike}]`);
}

function described({ decimal, group }: NumberFormat): string {
  const groups = group === undefined ? 'and without separated thousands' : `and ${named(group)} between thousands`;
  return `with ${named(decimal)} before its decimals ${groups}`;
}

function named(separator: string): string {
  return ALIKE[0].includes(separator) ? 'a space' : `"${separator}"`;
}
