/**
 * Two people: one proposes an action, another confirms or rejects it. A stream per action and subject holds its
 * proposals, numbered from 1; a new one replaces the one that is still open. A proposal records what its author read
 * (revisions, totals). If that has changed since, nobody can confirm it: it has to be proposed again.
 */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { JsonValue } from '@tantieme/event-store/event-store';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { VALUE_LENGTH_MAX } from '../limits.js';

export const PROPOSAL = 'proposal';

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Superseded: replaced by a newer proposal. Refused: confirmed, but the action was no longer possible. */
export const PROPOSAL_STATES = ['open', 'superseded', 'rejected', 'confirmed', 'done', 'refused'] as const;
export type ProposalState = (typeof PROPOSAL_STATES)[number];

interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface Proposal {
  /** `action|subject|number` */
  readonly id: string;
  readonly action: string;
  /** What the action is about: a period, a deal. */
  readonly subject: string;
  readonly number: number;
  /** The parameters of the action, such as the reason of a forced closing. */
  readonly request: JsonObject;
  /** Revisions and totals that the proposer read. */
  readonly read: JsonObject;
  readonly state: ProposalState;
  readonly proposedBy: string;
  readonly proposedAt: string;
  readonly decidedBy?: string;
  readonly decidedAt?: string;
  /** Why it was rejected. */
  readonly reason?: string;
  /** Why the action could not be carried out. */
  readonly refusal?: Refusal;
}

export type ProposalCommand =
  | {
      readonly type: 'propose';
      readonly action: string;
      readonly subject: string;
      readonly request: JsonObject;
      readonly read: JsonObject;
      readonly by: string;
      readonly at: string;
    }
  | {
      readonly type: 'confirm';
      readonly number: number;
      /** Revisions and totals as they are now. */
      readonly read: JsonObject;
      readonly by: string;
      readonly at: string;
    }
  | {
      readonly type: 'reject';
      readonly number: number;
      readonly reason?: string | undefined;
      readonly by: string;
      readonly at: string;
    }
  /** The confirmed action was carried out, or refused for good. */
  | {
      readonly type: 'finish';
      readonly number: number;
      readonly refusal?: Refusal | undefined;
      readonly at: string;
    };

interface Event<Type extends string, Data> {
  readonly type: Type;
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Data;
}

export type ProposalEvent =
  | Event<
      'Proposed',
      {
        readonly action: string;
        readonly subject: string;
        readonly number: number;
        readonly request: JsonObject;
        readonly read: JsonObject;
        readonly by: string;
      }
    >
  | Event<'ProposalConfirmed', { readonly number: number; readonly read: JsonObject; readonly by: string }>
  | Event<'ProposalRejected', { readonly number: number; readonly reason?: string; readonly by: string }>
  | Event<'ProposalFinished', { readonly number: number; readonly refusal?: Refusal }>;

export const PROPOSAL_EVENTS: EventTypes<ProposalEvent> = {
  Proposed: { version: 1 },
  ProposalConfirmed: { version: 1 },
  ProposalRejected: { version: 1 },
  ProposalFinished: { version: 1 },
};

/** The newest proposal of the stream; undefined before the first. */
export interface ProposalStreamState {
  readonly newest?: Proposal;
}

export const proposalDecider: Decider<ProposalStreamState, ProposalCommand, ProposalEvent> = {
  category: PROPOSAL,
  events: PROPOSAL_EVENTS,
  initialState: () => ({}),
  decide(command, { newest }) {
    switch (command.type) {
      case 'propose':
        return propose(command, newest);
      case 'confirm':
        return confirm(command, newest);
      case 'reject':
        return reject(command, newest);
      case 'finish':
        if (newest?.number !== command.number || newest.state !== 'confirmed') return [];
        return [
          event('ProposalFinished', command.at, omitUndefined({ number: command.number, refusal: command.refusal })),
        ];
      default:
        return command satisfies never;
    }
  },
  evolve: ({ newest }, event) => {
    const next = proposalAfter(newest, event);
    return next === undefined ? {} : { newest: next };
  },
  commandOf(stored) {
    const { occurredAt: at } = stored;
    switch (stored.type) {
      case 'Proposed': {
        const { number: _, ...data } = stored.data;
        return { type: 'propose', ...data, at };
      }
      case 'ProposalConfirmed':
        return { type: 'confirm', ...stored.data, at };
      case 'ProposalRejected':
        return { type: 'reject', ...stored.data, at };
      case 'ProposalFinished':
        return { type: 'finish', ...stored.data, at };
      default:
        return stored satisfies never;
    }
  },
};

/** A proposal after an event of its stream. @param before the newest proposal of the stream */
export function proposalAfter(before: Proposal | undefined, stored: ProposalEvent): Proposal | undefined {
  if (stored.type === 'Proposed') {
    const { action, subject, number, request, read, by } = stored.data;
    const id = proposalId(action, subject, number);
    return {
      id,
      action,
      subject,
      number,
      request,
      read,
      state: 'open',
      proposedBy: by,
      proposedAt: stored.occurredAt,
    };
  }
  if (before === undefined) return undefined;
  switch (stored.type) {
    case 'ProposalConfirmed':
      return { ...before, state: 'confirmed', decidedBy: stored.data.by, decidedAt: stored.occurredAt };
    case 'ProposalRejected': {
      const { by: decidedBy, reason } = stored.data;
      return { ...before, state: 'rejected', ...omitUndefined({ decidedBy, decidedAt: stored.occurredAt, reason }) };
    }
    case 'ProposalFinished': {
      const { refusal } = stored.data;
      return { ...before, ...(refusal === undefined ? { state: 'done' } : { state: 'refused', refusal }) };
    }
    default:
      return stored satisfies never;
  }
}

export function proposalId(action: string, subject: string, number: number): string {
  return `${action}|${subject}|${number}`;
}

/** The parts of a proposal's id; undefined if it is none. A subject may contain `|` itself. */
export function parseProposalId(
  id: string,
): { readonly action: string; readonly subject: string; readonly number: number } | undefined {
  const match = /^([a-z-]+)\|(.+)\|([1-9]\d{0,8})$/s.exec(id);
  const [, action, subject, number] = match ?? [];
  if (action === undefined || subject === undefined) return undefined;
  return { action, subject, number: Number(number) };
}

/**
 * Whether two subjects of tokens are the same person, whatever their spelling: compatible characters, invisible ones,
 * upper and lower case, and spaces around make no other person.
 */
export function isSamePerson(left: string, right: string): boolean {
  return folded(left) === folded(right);
}

function folded(subject: string): string {
  const visible = subject.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  // Upper case first, so that ß and ss fold together.
  return visible.toUpperCase().toLowerCase().normalize('NFKC').trim();
}

function propose(
  { at, type: _, ...proposed }: Extract<ProposalCommand, { readonly type: 'propose' }>,
  newest: Proposal | undefined,
): readonly ProposalEvent[] {
  const { request, read } = proposed;
  if (newest?.state === 'confirmed')
    throw new DomainError(
      'ProposalInProgress',
      `${newest.id} is confirmed and is being carried out; try again when it is done`,
      'conflict',
    );
  if (newest?.state === 'open' && isSame(newest.request, request) && isSame(newest.read, read)) return [];
  return [event('Proposed', at, { ...proposed, number: (newest?.number ?? 0) + 1 })];
}

function confirm(
  { number, read, by, at }: Extract<ProposalCommand, { readonly type: 'confirm' }>,
  newest: Proposal | undefined,
): readonly ProposalEvent[] {
  const proposal = current(number, newest);
  if (isSamePerson(proposal.proposedBy, by))
    throw new DomainError(
      'SecondPersonNeeded',
      `${proposal.id} was proposed by ${proposal.proposedBy}; somebody else has to confirm it`,
      'forbidden',
    );
  if (proposal.state === 'rejected')
    throw new DomainError('ProposalDecided', `${proposal.id} was rejected by ${proposal.decidedBy ?? ''}`, 'conflict');
  // Confirmed before: the same answer again, whoever asks.
  if (proposal.state !== 'open') return [];
  if (!isSame(proposal.read, read))
    throw new DomainError(
      'ProposalChanged',
      `what ${proposal.id} is about has changed since it was proposed, so it cannot be confirmed; propose it again to see the new figures`,
      'conflict',
      changedFields(proposal.read, read),
    );
  return [event('ProposalConfirmed', at, { number, read, by })];
}

/** Also the proposer may reject: that takes the proposal back. */
function reject(
  { number, reason, by, at }: Extract<ProposalCommand, { readonly type: 'reject' }>,
  newest: Proposal | undefined,
): readonly ProposalEvent[] {
  const proposal = current(number, newest);
  if (proposal.state === 'rejected') return [];
  if (proposal.state !== 'open')
    throw new DomainError(
      'ProposalDecided',
      `${proposal.id} was confirmed by ${proposal.decidedBy ?? ''}; it can no longer be rejected`,
      'conflict',
    );
  return [event('ProposalRejected', at, omitUndefined({ number, reason, by }))];
}

/** @throws {DomainError} `ProposalUnknown`, `ProposalSuperseded` */
function current(number: number, newest: Proposal | undefined): Proposal {
  if (newest === undefined || number > newest.number) throw proposalUnknown();
  if (number < newest.number)
    throw new DomainError(
      'ProposalSuperseded',
      `there is a newer proposal, ${newest.id}; look at that one`,
      'conflict',
    );
  return newest;
}

export function proposalUnknown(): DomainError {
  return new DomainError('ProposalUnknown', 'there is no such proposal', 'not-found');
}

function changedFields(
  before: JsonObject,
  now: JsonObject,
): readonly { readonly field: string; readonly reason: string }[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names
    .filter((name) => !isSame(before[name], now[name]))
    .map((name) => ({
      field: `read.${name}`,
      reason: `was ${textOf(before[name])}, is ${textOf(now[name])}`,
    }));
}

function textOf(value: JsonValue | undefined): string {
  const text = value === undefined ? 'missing' : canonicalJson(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}

function isSame(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return canonicalJson(left) === canonicalJson(right);
}

function event<Type extends ProposalEvent['type']>(
  type: Type,
  occurredAt: string,
  data: Extract<ProposalEvent, { readonly type: Type }>['data'],
): ProposalEvent {
  // The compiler does not see that type and data belong to one event of the union.
  return { type, version: 1, occurredAt, data } as ProposalEvent;
}
