/**
 * The order of two texts by their UTF-16 code units: the same on every machine and in every locale, and the order of
 * RFC 8785. For `sort`: `keys.sort(compareText)`.
 */
export function compareText(left: string, right: string): -1 | 0 | 1 {
  return left < right ? -1 : left > right ? 1 : 0;
}
