/**
 * Serialises work per key within this process, so that its callers do not conflict with each other; the expected
 * revision guards against other processes. A caller acquires all of its keys at once, so callers cannot deadlock.
 */
export function createKeyedMutex(): <Result>(keys: readonly string[], work: () => Promise<Result>) => Promise<Result> {
  const held = new Map<string, Promise<void>>();

  function blocker(keys: readonly string[]): Promise<void> | undefined {
    if (held.size === 0) return undefined;
    for (const key of keys) {
      const released = held.get(key);
      if (released !== undefined) return released;
    }
    return undefined;
  }

  return async (keys, work) => {
    for (let released = blocker(keys); released !== undefined; released = blocker(keys)) await released;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const key of keys) held.set(key, promise);
    try {
      return await work();
    } finally {
      for (const key of keys) held.delete(key);
      resolve();
    }
  };
}
