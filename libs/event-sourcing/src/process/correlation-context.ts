import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The correlation ids of the request, messages or events that the current code handles. A function, as they are needed
 * only if something is logged.
 */
export const correlationContext = new AsyncLocalStorage<() => readonly string[]>();

/** The distinct ids of the items, without those of items that have none or cannot be read. */
export function correlationIds<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string | undefined,
): readonly string[] {
  const ids = new Set<string>();
  for (const item of items)
    try {
      const id = idOf(item);
      if (id !== undefined) ids.add(id);
    } catch {
      // The step parks the item, with the reason.
    }
  return [...ids];
}
