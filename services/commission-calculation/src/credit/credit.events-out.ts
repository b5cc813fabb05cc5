/**
 * Messages of the internal topic `commission-credits`, routed by the stream that they change: the whole credit of a deal to
 * one payee under one plan, or all that a payee below earns with a deal that this one is paid on; quotas, claims and grants have
 * files of their own. Nobody outside of this service reads them, so they have a small form of their own.
 */
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import type { CreditGroup } from './credit-lines.js';
import { dealOfStream } from './credit.js';
import type { DealCredited } from './credit.js';
import type { EarningAccount, OverriddenDeal } from '../earning/earning.js';
import { isClaimsMessage, isGrantMessage } from '../budget/budget.events-out.js';
import type { ClaimsMessage, GrantMessage } from '../budget/budget.events-out.js';
import { isQuotaMessage } from '../reference/quota.events-out.js';
import type { QuotaMessage } from '../reference/quota.events-out.js';

export const CREDITS_TOPIC = 'commission-credits';

interface Addressed {
  readonly id: string;
  /** When what it answers happened. */
  readonly time: string;
  readonly deal: string;
  readonly payee: string;
  readonly plan: string;
  readonly correlationId: string;
  /** Id of the event that says it. */
  readonly causationId: string;
}

export interface CreditMessage extends Addressed {
  readonly number: number;
  readonly groups: readonly CreditGroup[];
  /** Payees above who are paid on what this one earns with the deal. */
  readonly above?: readonly string[];
}

export interface ChildMessage extends Addressed {
  readonly child: string;
  /** Of the child's stream. */
  readonly revision: number;
  readonly earned: OverriddenDeal['earned'];
}

export function creditMessages(
  stored: StoredEvent,
  { occurredAt, data }: DealCredited,
  correlationId: string,
): readonly OutgoingMessage[] {
  const deal = dealOfStream(stored.stream);
  return data.credits.map(({ payee, plan, groups, above }) => {
    const key = `${payee}|${plan}`;
    const message: CreditMessage = {
      id: uuidOf(`${stored.id} ${key}`),
      time: occurredAt,
      deal,
      number: data.number,
      payee,
      plan,
      groups,
      ...(above === undefined ? {} : { above }),
      correlationId,
      causationId: stored.id,
    };
    return { key, value: JSON.stringify(message) };
  });
}

/** What a stream earned, for the payees above that are paid on it. */
export function childMessages(
  stored: StoredEvent,
  { payee: child, plan }: EarningAccount,
  overridden: readonly OverriddenDeal[],
  correlationId: string,
): readonly OutgoingMessage[] {
  return overridden.flatMap(({ deal, to, earned }) =>
    to.map((payee) => {
      const key = `${payee}|${plan}`;
      const message: ChildMessage = {
        id: uuidOf(`${stored.id} ${deal} ${key}`),
        time: stored.occurredAt,
        deal,
        payee,
        plan,
        child,
        revision: stored.revision,
        earned,
        correlationId,
        causationId: stored.id,
      };
      return { key, value: JSON.stringify(message) };
    }),
  );
}

/** What an earning stream takes of a deal. */
export type EarnedMessage = CreditMessage | ChildMessage | GrantMessage;

/** @throws {TypeError} for a text that this service did not write */
export function readCreditMessage(text: string): EarnedMessage | ClaimsMessage | QuotaMessage {
  const value: unknown = JSON.parse(text);
  if (isQuotaMessage(value) || isClaimsMessage(value) || isGrantMessage(value)) return value;
  if (!isMessage(value)) throw new TypeError('this is no credit of this service');
  return value;
}

function isMessage(value: unknown): value is CreditMessage | ChildMessage {
  if (typeof value !== 'object' || value === null) return false;
  const {
    id,
    time,
    deal,
    number,
    payee,
    plan,
    groups,
    child,
    revision,
    earned,
    correlationId,
    causationId,
  }: { readonly [Name in keyof CreditMessage | keyof ChildMessage]?: unknown } = value;
  return (
    typeof id === 'string' &&
    typeof time === 'string' &&
    typeof deal === 'string' &&
    typeof payee === 'string' &&
    typeof plan === 'string' &&
    typeof correlationId === 'string' &&
    typeof causationId === 'string' &&
    ((Number.isSafeInteger(number) && Array.isArray(groups)) ||
      (typeof child === 'string' && Number.isSafeInteger(revision) && Array.isArray(earned)))
  );
}
