/**
 * The head of a log: the number of its events, and a digest of all their hashes in the global order. Stored somewhere
 * else, it proves later that nothing before it is missing or was replaced. A chain alone accepts a log that ends too
 * early, and somebody who can write the file can rewrite every chain in it.
 */
import { createHash } from 'node:crypto';

/** Text form: `<events>:<SHA-256 as 64 hex digits>`. */
export interface LogHead {
  readonly events: number;
  readonly digest: string;
}

export class InvalidHead extends Error {
  readonly code = 'InvalidHead';
}

export function formatHead({ events, digest }: LogHead): string {
  return `${events}:${digest}`;
}

/** @throws {InvalidHead} */
export function parseHead(text: string): LogHead {
  const [, events, digest] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (events === undefined || digest === undefined)
    throw new InvalidHead(`${JSON.stringify(text)} is not the head of a log: <number of events>:<64 hex digits>`);
  return { events: Number(events), digest };
}

/** The digest of the events read so far, and the digest after `watched` events. */
export class HeadDigest {
  #events = 0;
  #watchedDigest: string | undefined;
  readonly #hash = createHash('sha256');
  #pending = '';

  constructor(private readonly watched: number) {
    if (watched === 0) this.#watchedDigest = this.#digest();
  }

  add(eventHash: string): void {
    this.#pending += eventHash;
    this.#events += 1;
    if (this.#events === this.watched) this.#watchedDigest = this.#digest();
    else if (this.#events % 256 === 0) this.#flush();
  }

  /** Undefined if the log is shorter. */
  get watchedDigest(): string | undefined {
    return this.#watchedDigest;
  }

  head(): LogHead {
    return { events: this.#events, digest: this.#digest() };
  }

  #flush(): void {
    this.#hash.update(this.#pending);
    this.#pending = '';
  }

  #digest(): string {
    this.#flush();
    return this.#hash.copy().digest('hex');
  }
}
