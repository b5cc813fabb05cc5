/**
 * A decision that is larger than an append is stored as a run: consecutive events of its stream, the parts. The first
 * part holds what the decision was made from, so that a run interrupted by a crash can be completed. The others hold
 * the canonical text of the event's data. Readers of the log see one event, where the last part stands.
 */
import { canonicalJson } from './canonical-json.js';
import type { AppendedEvent, EventMetadata, EventStore, NewEvent, Page, StoredEvent } from './event-store.js';
import { PART_CHARACTERS_MAX, RUN_PARTS_MAX } from './limits.js';

interface PartData {
  readonly $run: { readonly of: number; readonly part: number };
  /** Data of the event without its lists; in the first part only. */
  readonly head?: object;
  /** In the other parts. */
  readonly text?: string;
}

/** Canonical JSON sorts names, so the data of a part begins like this, and no other data does. */
const PART_START = '{"$run":{';

type Texts = Pick<StoredEvent, 'dataText'>;

export function isPart({ dataText }: Texts): boolean {
  return dataText.startsWith(PART_START);
}

/** For a part only: numbers from 1. */
function numbersOf({ dataText }: Texts): PartData['$run'] {
  const [, of, part] = /^\{"\$run":\{"of":(\d+),"part":(\d+)\}/.exec(dataText) ?? [];
  return { of: Number(of), part: Number(part) };
}

/** True for the event that completes a run. */
export function isLastPart(stored: Texts): boolean {
  const { of, part } = numbersOf(stored);
  return of === part;
}

/** Revision of the first part of the event's run; its own for an event that is not a part. */
export function runStart(stored: StoredEvent): number {
  return isPart(stored) ? stored.revision - numbersOf(stored).part + 1 : stored.revision;
}

/** The event as a run of parts, each an append of its own. The same event always has the same parts. */
export function partsOf(event: Omit<NewEvent, 'data'> & { readonly data: object }): readonly NewEvent[] {
  const text = canonicalJson(event.data);
  const texts: string[] = [];
  for (let from = 0; from < text.length;) {
    let until = Math.min(text.length, from + PART_CHARACTERS_MAX);
    // A pair of surrogates stays together: half of one cannot be stored.
    if (until < text.length && isHighSurrogate(text.charCodeAt(until - 1))) until -= 1;
    texts.push(text.slice(from, until));
    from = until;
  }
  const of = texts.length + 1;
  if (of > RUN_PARTS_MAX)
    throw new RangeError(`a decision of ${text.length} characters exceeds ${RUN_PARTS_MAX} parts of a run`);
  const parts: readonly PartData[] = [
    { $run: { of, part: 1 }, head: withoutLists(event.data) },
    ...texts.map((part, index) => ({ $run: { of, part: index + 2 }, text: part })),
  ];
  return parts.map((data) => {
    const { part } = data.$run;
    return { ...event, id: part === 1 ? event.id : `${event.id}.${part}.${of}`, data };
  });
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

/** Lists hold conclusions; what the decision was made from stands beside them. */
function withoutLists(data: object): object {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => !Array.isArray(value)));
}

/** The event of a run as its first part has it: without the lists of its data. */
export function headOf(first: StoredEvent): StoredEvent & { readonly metadata: EventMetadata } {
  const { head = {} } = JSON.parse(first.dataText) as PartData;
  const metadata = JSON.parse(first.metadataText) as EventMetadata;
  return { ...first, dataText: canonicalJson(head), metadata };
}

/** All parts of a run as the event that they make: with the id of the first part and the place of the last one. */
export function eventOfRun<Event extends AppendedEvent>(parts: readonly Event[]): Event {
  const [first] = parts;
  const last = parts.at(-1);
  if (first === undefined || last === undefined || numbersOf(last).of !== parts.length)
    throw new Error(`a run of ${last?.stream ?? 'no stream'} is incomplete at revision ${last?.revision ?? '?'}`);
  const dataText = parts.map((part) => (JSON.parse(part.dataText) as PartData).text ?? '').join('');
  return { ...last, id: first.id, dataText };
}

/** True if the event makes exactly these parts. */
export function isRunOf(event: StoredEvent, parts: readonly StoredEvent[]): boolean {
  const metadata = JSON.parse(event.metadataText) as EventMetadata;
  const made = partsOf({ ...event, metadata, data: JSON.parse(event.dataText) as object });
  return (
    made.length === parts.length &&
    parts.every(({ id, dataText }, index) => id === made[index]?.id && dataText === canonicalJson(made[index].data))
  );
}

/** Joins the parts of each run among consecutive events of one stream. */
export function joinRuns(events: readonly StoredEvent[]): {
  readonly whole: readonly StoredEvent[];
  /** Parts of a run at the end that is not complete: a crash interrupted it, or it is being written. */
  readonly unfinished: readonly StoredEvent[];
} {
  if (!events.some(isPart)) return { whole: events, unfinished: [] };
  const whole: StoredEvent[] = [];
  let parts: StoredEvent[] = [];
  for (const event of events)
    if (!isPart(event)) whole.push(event);
    else {
      parts.push(event);
      if (!isLastPart(event)) continue;
      whole.push(eventOfRun(parts));
      parts = [];
    }
  return { whole, unfinished: parts };
}

/** The events with each run as one event, where its last part stands. Parts of other pages are read. */
export async function wholeEvents(store: EventStore, events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
  if (!events.some(isPart)) return events;
  const whole: StoredEvent[] = [];
  for (const event of events)
    if (!isPart(event)) whole.push(event);
    else if (isLastPart(event)) {
      const { of: limit } = numbersOf(event);
      whole.push(eventOfRun(await store.readStream(event.stream, { from: event.revision - limit + 1, limit })));
    }
  return whole;
}

/** The store for those who read the log in its global order: they see a decision once it is complete, as one event. */
export function withWholeEvents(store: EventStore): EventStore {
  const wholePage = async (page: Page): Promise<Page> =>
    page.events.some(isPart) ? { ...page, events: await wholeEvents(store, page.events) } : page;
  return {
    append: (append) => store.append(append),
    appendMany: (appends) => store.appendMany(appends),
    readStream: (stream, options) => store.readStream(stream, options),
    readStreams: (streams) => store.readStreams(streams),
    readAll: async (options) => wholePage(await store.readAll(options)),
    async *subscribe(options) {
      for await (const page of store.subscribe(options)) yield await wholePage(page);
    },
    head: () => store.head(),
    hashAt: (position) => store.hashAt(position),
    close: () => store.close(),
  };
}
