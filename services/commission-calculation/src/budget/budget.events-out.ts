/**
 * Grants of a budget on the internal topic `commission-credits`, under the key of the earning stream; and the claims
 * that a budget receives there from earning streams.
 */
import type { BudgetClaim, GrantedLine } from '@tantieme/commission-engine/earn/budget';
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { internalMessage } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { INTEGER, internalMessageGuard, LIST, TEXT } from '../internal-message.js';
import type { InternalMessage } from '../internal-message.js';
import { BUDGET_EVENTS } from './budget.js';
import type { BudgetEvent } from './budget.js';

interface BudgetMessage extends InternalMessage {
  readonly component: string;
  readonly deal: string;
  /** Of the sending stream: the newest replaces the ones before. */
  readonly revision: number;
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
    return internalMessage(key, message);
  });
}

const SUBJECT = { component: TEXT, deal: TEXT, revision: INTEGER };

export const isClaimsMessage = internalMessageGuard<ClaimsMessage>({
  kind: { const: 'claims' },
  ...SUBJECT,
  claims: LIST,
});

export const isGrantMessage = internalMessageGuard<GrantMessage>({
  kind: { const: 'grant' },
  ...SUBJECT,
  granted: LIST,
});
