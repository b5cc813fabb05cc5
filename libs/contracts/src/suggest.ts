import leven from 'leven';

/** Longer texts get no suggestion: the cost is the product of the lengths, and a long text is not a typo. */
const LENGTH_MAX = 60;

/**
 * The known value that a mistyped text most likely stands for: at most a third of its letters differ. Of several
 * equally near ones, the first.
 */
export function suggest(text: string, known: Iterable<string>): string | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const typed = text.toLowerCase();
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(text.length / 3)) + 1;
  for (const value of known) {
    if (value.length > LENGTH_MAX) continue;
    const distance = leven(typed, value.toLowerCase(), { maxDistance: least });
    if (distance < least) {
      nearest = value;
      least = distance;
    }
  }
  return nearest;
}

/** What is allowed, in words, for an error message: `one of booked, paid; did you mean "booked"?` */
export function oneOf(known: readonly string[], text?: unknown): string {
  const nearest = typeof text === 'string' ? suggest(text, known) : undefined;
  return `one of ${known.join(', ')}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
}
