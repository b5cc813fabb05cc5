/**
 * Callers of one process take turns at a stream, so that they do not conflict with each other: the expected revision is for
 * writers elsewhere. A caller takes all its streams at once, so that no two can wait for each other.
 */
export function createKeyedMutex(): <Result>(
  streams: readonly string[],
  act: () => Promise<Result>,
) => Promise<Result> {
  const inHand = new Map<string, Promise<void>>();

  function busy(streams: readonly string[]): Promise<void> | undefined {
    if (inHand.size === 0) return undefined;
    for (const stream of streams) {
      const turn = inHand.get(stream);
      if (turn !== undefined) return turn;
    }
    return undefined;
  }

  return async (streams, act) => {
    for (let turn = busy(streams); turn !== undefined; turn = busy(streams)) await turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const stream of streams) inHand.set(stream, promise);
    try {
      return await act();
    } finally {
      for (const stream of streams) inHand.delete(stream);
      resolve();
    }
  };
}
