type Present<Fields> = {
  [Key in keyof Fields as undefined extends Fields[Key] ? never : Key]: Fields[Key];
} & {
  [Key in keyof Fields as undefined extends Fields[Key] ? Key : never]?: Exclude<Fields[Key], undefined>;
};

/**
 * The same object without the keys whose value is undefined, in the same order.
 *
 * Events and messages omit absent keys (`x?: T`), so that their canonical JSON has one form. Options and requests may
 * pass `undefined` (`x?: T | undefined`). This turns the second into the first.
 */
export function omitUndefined<Fields extends object>(fields: Fields): Present<Fields> {
  // A loop, as every event and message comes through here: three times as fast as filtered entries.
  const given = fields as Readonly<Record<string, unknown>>;
  const present: Record<string, unknown> = {};
  for (const key of Object.keys(given)) {
    const value = given[key];
    if (value !== undefined) present[key] = value;
  }
  return present as Present<Fields>;
}
