/**
 * What an earning stream publishes: to those downstream all postings of a deal; on the internal topic what payees above
 * are paid on, and claims on budgets.
 */
import type { DealClaims } from '@tantieme/commission-engine/incremental/state';
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { SOURCE } from '../service-identity.js';
import { budgetStream } from '../budget/budget.js';
import { budgetMessage } from '../budget/budget.events-out.js';
import type { ClaimsMessage } from '../budget/budget.events-out.js';
import { CREDITS_TOPIC } from '../credit/credit.events-out.js';
import { INTEGER, internalMessageGuard, LIST, TEXT } from '../internal-message.js';
import type { InternalMessage } from '../internal-message.js';
import { EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent, OverriddenDeal, PayeePlan } from './earning-events.js';
import { ledgerLine } from './posting.js';

/** All that a payee earns with a deal, for one payee above who is paid an override on it: `payee`. */
export interface ChildEarningMessage extends InternalMessage {
  readonly deal: string;
  /** The payee below. */
  readonly child: string;
  /** Of the child's stream: the highest counts. */
  readonly revision: number;
  readonly earned: OverriddenDeal['earned'];
}

export function earningPublications(stored: StoredEvent): readonly Publication[] {
  const { data } = domainEventOf<EarningEvent>(stored, EARNING_EVENTS);
  const { payee, plan, currency, calendar } = data.payeePlan;
  const overridden = 'overridden' in data && data.overridden !== undefined ? data.overridden : [];
  const claimed = 'claims' in data && data.claims !== undefined ? data.claims : [];
  const internal = [
    ...childEarningMessages(stored, data.payeePlan, overridden),
    ...claimsMessages(stored, data.payeePlan, claimed),
  ].map((message) => ({ topic: CREDITS_TOPIC, message }));
  if (data.deals.length === 0) return internal;
  const common = attributesOf(stored, SOURCE, payee);
  const postings = data.deals.map(({ deal, lines }, index) => ({
    topic: TOPICS.commissions,
    message: {
      key: payee,
      value: encode(
        'earnings-of-deal',
        { ...common, id: `${stored.id}.${index}`, subject: deal, causationId: stored.id },
        { payee, plan, currency, calendar, deal, lines: lines.map((line) => ledgerLine(plan, deal, line)) },
      ),
    },
  }));
  return [...internal, ...postings];
}

function childEarningMessages(
  stored: StoredEvent,
  { payee: child, plan }: PayeePlan,
  overridden: readonly OverriddenDeal[],
): readonly OutgoingMessage[] {
  const { correlationId } = metadataOf(stored);
  return overridden.flatMap(({ deal, to, earned }) =>
    to.map((payee) => {
      const key = `${payee}|${plan}`;
      const message: ChildEarningMessage = {
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

function claimsMessages(
  stored: StoredEvent,
  { payee, plan }: PayeePlan,
  claimed: readonly DealClaims[],
): readonly OutgoingMessage[] {
  return claimed.map(({ deal, component, claims }) => {
    const key = budgetStream(plan, component);
    const message: ClaimsMessage = {
      kind: 'claims',
      ...budgetMessage(stored, key, { payee, plan, component, deal }),
      claims,
    };
    return { key, value: JSON.stringify(message) };
  });
}

export const isChildEarningMessage = internalMessageGuard<ChildEarningMessage>({
  deal: TEXT,
  child: TEXT,
  revision: INTEGER,
  earned: LIST,
});
