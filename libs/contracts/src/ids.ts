/**
 * Ids of partners, plans, sources, deals, facts: parts of stream names and of keys, which "|" joins. Nothing invisible
 * is allowed in them, because two ids that look the same must be the same. Lone surrogates cannot be stored as UTF-8.
 */

/** Characters (code points) of an id. */
export const ID_LENGTH_MAX = 200;

/** For error messages: `must be ${ID_DESCRIPTION}`. */
export const ID_DESCRIPTION = `an id of 1 to ${ID_LENGTH_MAX} characters without "|", control characters or line breaks`;

/**
 * No control characters, line separators, surrogates or bars. Schemas are compiled with the `u` flag: a surrogate pair
 * is one character.
 */
const CHARACTER = '[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff|]';

export const ID = new RegExp(`^${CHARACTER}{1,${ID_LENGTH_MAX}}$`, 'u');

export function isId(text: string): boolean {
  return ID.test(text);
}

/** The fragment of a JSON Schema. */
export const idSchema = {
  type: 'string',
  minLength: 1,
  maxLength: ID_LENGTH_MAX,
  pattern: `^${CHARACTER}*$`,
  description: ID_DESCRIPTION,
} as const;
