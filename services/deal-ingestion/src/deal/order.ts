/** Orders that are the same on every machine, in every locale. */
import { compareText } from '@tantieme/contracts/compare-text';

const DIGITS = /^[0-9]+$/;

/** Order of ids: whole numbers by their value before everything else (`2`, `10`, `A`); the rest by code units. */
export function compareIds(left: string, right: string): -1 | 0 | 1 {
  const [leftIsNumber, rightIsNumber] = [DIGITS.test(left), DIGITS.test(right)];
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
  if (!leftIsNumber) return compareText(left, right);
  const [leftDigits, rightDigits] = [withoutLeadingZeros(left), withoutLeadingZeros(right)];
  if (leftDigits.length !== rightDigits.length) return leftDigits.length < rightDigits.length ? -1 : 1;
  // `7` and `07` are two ids.
  return compareText(leftDigits, rightDigits) || compareText(left, right);
}

function withoutLeadingZeros(digits: string): string {
  return digits.startsWith('0') ? digits.replace(/^0+/, '') : digits;
}
