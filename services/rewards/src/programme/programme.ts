/**
 * Incentive programmes. There is one kind so far: a volume bonus pays the highest tier that a participant's measured
 * basis reaches in a window. A programme is published once and never changes, so bonuses of closed periods stay valid.
 *
 * A programme that is published late, or for which a partner becomes eligible late, needs earlier earnings: it requests
 * a catch-up, which reads the earnings ledger from its beginning.
 */
import { PLAIN_TEXT, PLAIN_TEXT_DESCRIPTION } from '@tantieme/contracts/schemas';
import { oneOf } from '@tantieme/contracts/suggest';
import { calendarFault, overFault } from '@tantieme/time/calendar/fault';
import { calendarKey } from '@tantieme/time/calendar/key';
import { windowStartDay } from '@tantieme/time/calendar/periods';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { isTimeZone } from '@tantieme/time/time-zone';
import { OVERS } from '@tantieme/time/calendar/document';
import type { Calendar, Over } from '@tantieme/time/calendar/document';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { ChannelType } from '@tantieme/contracts/partner';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { parseAmount } from '@tantieme/money/amount';
import { isCurrency } from '@tantieme/money/currency';
import { MoneyError } from '@tantieme/money/money-error';

export const PROGRAMME = 'programme';

export function programmeStream(id: string): string {
  return `${PROGRAMME}-${id}`;
}

/** What a plan designer writes. Amounts are decimal text in the currency of the programme. */
export interface ProgrammeDocument {
  /** Id of the programme. */
  readonly programme: string;
  readonly title: string;
  readonly currency: string;
  readonly calendar: Calendar;
  readonly measure: {
    /** The basis of ledger lines, summed. */
    readonly of: 'basis';
    readonly over: Over;
    /** Plans whose lines count; all plans of the currency and calendar if absent. */
    readonly plans?: readonly string[];
    /** Components whose lines count; all if absent. */
    readonly components?: readonly string[];
  };
  /** Who takes part; everybody if absent. */
  readonly eligible?: { readonly channel?: readonly ChannelType[] };
  /** In rising order of `from`, the measured basis that reaches the tier. Only the highest tier reached pays. */
  readonly tiers: readonly { readonly from: string; readonly pay: string }[];
  /** Windows count if they start on this day or later, and before `until`. */
  readonly from: string;
  readonly until?: string;
}

/** A programme, ready to calculate. */
export interface Programme {
  readonly id: string;
  /** SHA-256, hex, of the canonical JSON of the document. */
  readonly hash: string;
  readonly document: ProgrammeDocument;
  readonly calendarKey: string;
  readonly tiers: readonly { readonly fromMinor: bigint; readonly payMinor: bigint }[];
}

/** @throws {DomainError} `ProgrammeInvalid`, with every wrong field */
export function compileProgramme(document: ProgrammeDocument): Programme {
  const faults = [...faultsOf(document)];
  if (faults.length > 0)
    throw new DomainError(
      'ProgrammeInvalid',
      `the programme has ${faults.length === 1 ? 'a wrong field' : `${faults.length} wrong fields`}`,
      'invalid',
      faults,
    );
  return {
    id: document.programme,
    hash: sha256(canonicalJson(document)),
    document,
    calendarKey: calendarKey(document.calendar),
    tiers: document.tiers.map(({ from, pay }) => ({
      fromMinor: parseAmount(from, document.currency),
      payMinor: parseAmount(pay, document.currency),
    })),
  };
}

interface Fault {
  readonly field: string;
  readonly reason: string;
}

const NOT_A_DATE = `must be ${DAY_DESCRIPTION}`;

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

function* faultsOf(document: ProgrammeDocument): Generator<Fault> {
  const { programme, title, currency, calendar, measure, eligible, from, until } = document;
  if (!ID.test(programme))
    yield {
      field: 'programme',
      reason:
        'may contain letters, digits, dots, dashes and underscores, at most 100, and starts with a letter or digit',
    };
  const texts = { title: [title], 'measure.plans': measure.plans, 'measure.components': measure.components };
  for (const [field, values = []] of Object.entries(texts))
    if (!values.every((value) => PLAIN_TEXT.test(value))) yield { field, reason: `must be ${PLAIN_TEXT_DESCRIPTION}` };
  const fault = calendarFault(calendar);
  if (fault !== undefined) yield { field: 'calendar', reason: fault };
  if (!isTimeZone(calendar.timeZone))
    yield { field: 'calendar.timeZone', reason: 'is not an IANA time zone, such as Europe/Paris' };
  if (measure.of !== 'basis') yield { field: 'measure.of', reason: 'must be basis' };
  const tooShort = OVERS.includes(measure.over)
    ? overFault(calendar, measure.over)
    : `must be ${oneOf(OVERS, measure.over)}`;
  if (tooShort !== undefined) yield { field: 'measure.over', reason: tooShort };
  for (const [index, channel] of (eligible?.channel ?? []).entries())
    if (!CHANNEL_TYPES.includes(channel))
      yield { field: `eligible.channel.${index}`, reason: `must be ${oneOf(CHANNEL_TYPES, channel)}` };
  if (!isDay(from)) yield { field: 'from', reason: NOT_A_DATE };
  if (until !== undefined && !isDay(until)) yield { field: 'until', reason: NOT_A_DATE };
  if (until !== undefined && until <= from) yield { field: 'until', reason: 'must be later than from' };
  if (!isCurrency(currency)) yield { field: 'currency', reason: 'is not an ISO 4217 currency code, such as EUR' };
  else yield* tierFaultsOf(document);
}

function* tierFaultsOf({ tiers, currency }: ProgrammeDocument): Generator<Fault> {
  if (tiers.length === 0) yield { field: 'tiers', reason: 'needs at least one tier' };
  let beforeMinor: bigint | undefined;
  for (const [index, { from, pay }] of tiers.entries()) {
    const [fromMinor, fromFault] = amountOrFault(from, currency);
    const [payMinor, payFault] = amountOrFault(pay, currency);
    if (fromFault !== undefined) yield { field: `tiers.${index}.from`, reason: fromFault };
    if (payFault !== undefined) yield { field: `tiers.${index}.pay`, reason: payFault };
    if (fromMinor !== undefined && fromMinor < 0n)
      yield { field: `tiers.${index}.from`, reason: 'must not be negative' };
    if (payMinor !== undefined && payMinor < 0n) yield { field: `tiers.${index}.pay`, reason: 'must not be negative' };
    if (fromMinor !== undefined && beforeMinor !== undefined && fromMinor <= beforeMinor)
      yield { field: `tiers.${index}.from`, reason: 'must be greater than `from` of the tier before' };
    beforeMinor = fromMinor ?? beforeMinor;
  }
}

function amountOrFault(text: string, currency: string): [bigint | undefined, string | undefined] {
  try {
    return [parseAmount(text, currency), undefined];
  } catch (error) {
    if (error instanceof MoneyError) return [undefined, error.reason];
    throw error;
  }
}

/** The pay of the highest tier that a measured basis reaches. */
export function payOf(programme: Programme, measuredMinor: bigint): bigint {
  return programme.tiers.findLast(({ fromMinor }) => measuredMinor >= fromMinor)?.payMinor ?? 0n;
}

/** Whether the programme measures a window. */
export function countsWindow({ document }: Programme, window: string): boolean {
  const day = windowStartDay(document.calendar, window);
  return day >= document.from && (document.until === undefined || day < document.until);
}

/** Whether partners of a channel take part; null while the channel of the partner is unknown. */
export function isEligible({ document }: Programme, channel: ChannelType | null): boolean | null {
  const channels = document.eligible?.channel;
  if (channels === undefined) return true;
  return channel === null ? null : channels.includes(channel);
}

/** A request to measure earlier earnings: for the publication (number 0), or for a payee that became eligible. */
export interface CatchUp {
  readonly number: number;
  /** The payee whose earnings are read; null for all. */
  readonly payee: string | null;
}

export type ProgrammeCommand =
  | { readonly type: 'publish'; readonly at: string; readonly document: ProgrammeDocument; readonly by: string }
  | {
      readonly type: 'request-catch-up';
      readonly at: string;
      readonly payee: string;
      /** Revision of the partner that made the payee eligible. */
      readonly partnerRevision: number;
    }
  | { readonly type: 'complete-catch-up'; readonly at: string; readonly number: number };

export type ProgrammeEvent =
  | {
      readonly type: 'ProgrammePublished';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly document: ProgrammeDocument; readonly hash: string; readonly by: string };
    }
  | {
      readonly type: 'CatchUpRequested';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly number: number; readonly payee: string; readonly partnerRevision: number };
    }
  | {
      /** All earnings from before the request are measured. */
      readonly type: 'CatchUpCompleted';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: { readonly number: number };
    };

export interface ProgrammeState {
  readonly published?: Programme;
  /** Unfinished ones, in order of number. */
  readonly catchUps: readonly CatchUp[];
  readonly catchUpsRequested: number;
  /** The newest partner revision for which a catch-up was requested, by payee. */
  readonly partnerRevisions: ReadonlyMap<string, number>;
}

export const PROGRAMME_EVENTS: EventTypes<ProgrammeEvent> = {
  ProgrammePublished: { version: 1 },
  CatchUpRequested: { version: 1 },
  CatchUpCompleted: { version: 1 },
};

export const programme: Decider<ProgrammeState, ProgrammeCommand, ProgrammeEvent> = {
  category: PROGRAMME,
  events: PROGRAMME_EVENTS,
  initialState: () => ({ catchUps: [], catchUpsRequested: 0, partnerRevisions: new Map() }),
  decide(command, state) {
    switch (command.type) {
      case 'publish':
        return publish(command, state);
      case 'request-catch-up': {
        const { at, payee, partnerRevision } = command;
        if (state.published === undefined || (state.partnerRevisions.get(payee) ?? -1) >= partnerRevision) return [];
        const data = { number: state.catchUpsRequested, payee, partnerRevision };
        return [{ type: 'CatchUpRequested', version: 1, occurredAt: at, data }];
      }
      case 'complete-catch-up': {
        if (!state.catchUps.some(({ number }) => number === command.number)) return [];
        return [{ type: 'CatchUpCompleted', version: 1, occurredAt: command.at, data: { number: command.number } }];
      }
      default:
        return command satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ProgrammePublished':
        return {
          ...state,
          published: compileProgramme(event.data.document),
          catchUps: [{ number: 0, payee: null }],
          catchUpsRequested: 1,
        };
      case 'CatchUpRequested': {
        const { number, payee, partnerRevision } = event.data;
        return {
          ...state,
          catchUps: [...state.catchUps, { number, payee }],
          catchUpsRequested: number + 1,
          partnerRevisions: new Map(state.partnerRevisions).set(payee, partnerRevision),
        };
      }
      case 'CatchUpCompleted':
        return { ...state, catchUps: state.catchUps.filter(({ number }) => number !== event.data.number) };
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    const at = event.occurredAt;
    switch (event.type) {
      case 'ProgrammePublished':
        return { type: 'publish', at, document: event.data.document, by: event.data.by };
      case 'CatchUpRequested':
        return { type: 'request-catch-up', at, payee: event.data.payee, partnerRevision: event.data.partnerRevision };
      case 'CatchUpCompleted':
        return { type: 'complete-catch-up', at, number: event.data.number };
      default:
        return event satisfies never;
    }
  },
};

/** @throws {DomainError} `ProgrammeInvalid`, `ProgrammePublished` (another document under the same id) */
function publish(
  { at, document, by }: Extract<ProgrammeCommand, { readonly type: 'publish' }>,
  state: ProgrammeState,
): ProgrammeEvent[] {
  const { id, hash } = compileProgramme(document);
  if (state.published?.hash === hash) return [];
  if (state.published !== undefined)
    throw new DomainError(
      'ProgrammePublished',
      `the programme ${id} is already published with other content and cannot change; publish a new one under another id`,
      'conflict',
    );
  return [{ type: 'ProgrammePublished', version: 1, occurredAt: at, data: { document, hash, by } }];
}
