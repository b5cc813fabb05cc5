/**
 * Grants of a budget on the internal topic `commission-credits`, under the key of the earning stream; and the claims
 * that a budget receives there from earning streams.
 */
import type { BudgetClaim, GrantedLine } from '@tantieme/commission-engine/earn/budget';
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { BUDGET_EVENTS } from './budget.js';
import type { BudgetEvent } from './budget.js';

interface BudgetMessage {
  readonly id: string;
  readonly time: string;
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
  readonly deal: string;
  /** Of the sending stream: the newest replaces the ones before. */
  readonly revision: number;
  readonly correlationId: string;
  readonly causationId: string;
}

/** All that a payee claims of a component's budget with a deal. */
export interface ClaimsMessage extends BudgetMessage {
  readonly kind: 'claims';
  readonly claims: readonly BudgetClaim[];
}

/** All that a budget grants to a payee with a deal. */
export interface GrantMessage extends BudgetMessage {
  readonly kind: 'grant';
  readonly granted: readonly GrantedLine[];
}

/** Fields that a message between budgets and earning streams has besides its content. */
export function budgetMessage(
  stored: StoredEvent,
  key: string,
  subject: Pick<BudgetMessage, 'payee' | 'plan' | 'component' | 'deal'>,
): BudgetMessage {
  return {
    id: uuidOf(`${stored.id} ${subject.deal} ${key}`),
    time: stored.occurredAt,
    ...subject,
    revision: stored.revision,
    correlationId: metadataOf(stored).correlationId,
    causationId: stored.id,
  };
}

export function grantMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = domainEventOf<BudgetEvent>(stored, BUDGET_EVENTS);
  if (event.type === 'BudgetPeriodsClosed') return [];
  const { plan, component } = event.data.budget;
  return event.data.grants.map(({ payee, deal, granted }) => {
    const key = `${payee}|${plan}`;
    const message: GrantMessage = {
      kind: 'grant',
      ...budgetMessage(stored, key, { payee, plan, component, deal }),
      granted,
    };
    return { key, value: JSON.stringify(message) };
  });
}

export function isClaimsMessage(value: unknown): value is ClaimsMessage {
  return isBudgetMessage(value) && value.kind === 'claims' && Array.isArray(value.claims);
}

export function isGrantMessage(value: unknown): value is GrantMessage {
  return isBudgetMessage(value) && value.kind === 'grant' && Array.isArray(value.granted);
}

function isBudgetMessage(
  value: unknown,
): value is { readonly [Name in keyof ClaimsMessage | keyof GrantMessage]?: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const fields: { readonly [name: string]: unknown } = { ...value };
  const texts = ['id', 'time', 'payee', 'plan', 'component', 'deal', 'correlationId', 'causationId'];
  return texts.every((name) => typeof fields[name] === 'string') && Number.isSafeInteger(fields['revision']);
}
