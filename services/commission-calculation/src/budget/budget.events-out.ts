/**
 * Claims and grants on the internal topic `commission-credits`: what an earning stream claims of a budget, under the key of the
 * budget's stream, and what the budget grants of it, under the key of the earning stream.
 */
import type { BudgetClaim, GrantedLine } from '@tantieme/commission-engine/earn/budget';
import type { DealClaims } from '@tantieme/commission-engine/incremental/state';
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { budgetStream } from './budget.js';
import type { Budget, DealGrant } from './budget.js';
import type { EarningAccount } from '../earning/earning.js';

interface Addressed {
  readonly id: string;
  readonly time: string;
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
  readonly deal: string;
  /** Of the stream that says it: the newest replaces. */
  readonly revision: number;
  readonly correlationId: string;
  readonly causationId: string;
}

/** All that a payee claims of a component's budget with a deal. */
export interface ClaimsMessage extends Addressed {
  readonly kind: 'claims';
  readonly claims: readonly BudgetClaim[];
}

/** All that the budget grants of it. */
export interface GrantMessage extends Addressed {
  readonly kind: 'grant';
  readonly granted: readonly GrantedLine[];
}

export function claimsMessages(
  stored: StoredEvent,
  { payee, plan }: EarningAccount,
  claimed: readonly DealClaims[],
  correlationId: string,
): readonly OutgoingMessage[] {
  return claimed.map(({ deal, component, claims }) => {
    const key = budgetStream(plan, component);
    const message: ClaimsMessage = {
      kind: 'claims',
      ...addressed(stored, `${deal} ${key}`, { payee, plan, component, deal }, correlationId),
      claims,
    };
    return { key, value: JSON.stringify(message) };
  });
}

export function grantMessages(
  stored: StoredEvent,
  { plan, component }: Budget,
  grants: readonly DealGrant[],
  correlationId: string,
): readonly OutgoingMessage[] {
  return grants.map(({ payee, deal, granted }) => {
    const key = `${payee}|${plan}`;
    const message: GrantMessage = {
      kind: 'grant',
      ...addressed(stored, `${deal} ${key}`, { payee, plan, component, deal }, correlationId),
      granted,
    };
    return { key, value: JSON.stringify(message) };
  });
}

function addressed(
  stored: StoredEvent,
  name: string,
  to: Pick<Addressed, 'payee' | 'plan' | 'component' | 'deal'>,
  correlationId: string,
): Addressed {
  return {
    id: uuidOf(`${stored.id} ${name}`),
    time: stored.occurredAt,
    ...to,
    revision: stored.revision,
    correlationId,
    causationId: stored.id,
  };
}

export function isClaimsMessage(value: unknown): value is ClaimsMessage {
  return isAddressed(value) && value.kind === 'claims' && Array.isArray(value.claims);
}

export function isGrantMessage(value: unknown): value is GrantMessage {
  return isAddressed(value) && value.kind === 'grant' && Array.isArray(value.granted);
}

function isAddressed(
  value: unknown,
): value is { readonly [Name in keyof ClaimsMessage | keyof GrantMessage]?: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const said: { readonly [name: string]: unknown } = { ...value };
  const texts = ['id', 'time', 'payee', 'plan', 'component', 'deal', 'correlationId', 'causationId'];
  return texts.every((name) => typeof said[name] === 'string') && Number.isSafeInteger(said['revision']);
}
