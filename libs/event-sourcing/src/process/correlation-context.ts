import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The correlation ids of what the running code has in hand: a request, a batch of messages or of events. They are looked for only where
 * something is logged.
 */
export const correlationContext = new AsyncLocalStorage<() => readonly string[]>();

/** Each once. What has none, or cannot be read, is passed over. */
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
      // It goes to the dead letters, with the reason.
    }
  return [...ids];
}
