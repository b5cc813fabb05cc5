/**
 * What an earning stream publishes: to those downstream all postings of a deal; on the internal topic what payees above
 * are paid on, and claims on budgets.
 */
import type { DealClaims } from '@tantieme/commission-engine/incremental/state';
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf, internalMessage } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { SOURCE } from '../service-identity.js';
import { budgetStream } from '../budget/budget.js';
import { budgetMessage } from '../budget/budget.events-out.js';
import type { ClaimsMessage } from '../budget/budget.events-out.js';
import { INTEGER, internalMessageGuard, LIST, TEXT } from '../internal-message.js';
import type { InternalMessage } from '../internal-message.js';
import { dealPostings, EARNING_EVENTS } from './earning-events.js';
import type { EarningEvent, OverriddenDeal } from './earning-events.js';
import { payeePlanOf } from './earning.js';
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

/** What payees above and budgets need of an earning, on the internal topic. */
export function internalEarningMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const { data } = domainEventOf<EarningEvent>(stored, EARNING_EVENTS);
  const overridden = 'overridden' in data && data.overridden !== undefined ? data.overridden : [];
  const claimed = 'claims' in data && data.claims !== undefined ? data.claims : [];
  return [...childEarningMessages(stored, overridden), ...claimsMessages(stored, claimed)];
}

/** All postings of each deal, for those downstream. */
export function earningMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = domainEventOf<EarningEvent>(stored, EARNING_EVENTS);
  const { payee, plan } = payeePlanOf(stored.stream);
  const { currency, calendar } = event.data;
  const common = attributesOf(stored, SOURCE, payee);
  return dealPostings(event).map(({ deal, lines }, index) =>
    envelopeMessage(
      'earnings-of-deal',
      { ...common, id: `${stored.id}.${index}`, subject: deal, causationId: stored.id },
      { payee, plan, currency, calendar, deal, lines: lines.map((line) => ledgerLine(plan, deal, line)) },
    ),
  );
}

function childEarningMessages(stored: StoredEvent, overridden: readonly OverriddenDeal[]): readonly OutgoingMessage[] {
  const { payee: child, plan } = payeePlanOf(stored.stream);
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
      return internalMessage(key, message);
    }),
  );
}

function claimsMessages(stored: StoredEvent, claimed: readonly DealClaims[]): readonly OutgoingMessage[] {
  const { payee, plan } = payeePlanOf(stored.stream);
  return claimed.map(({ deal, component, claims }) => {
    const key = budgetStream(plan, component);
    const message: ClaimsMessage = {
      kind: 'claims',
      ...budgetMessage(stored, key, { payee, plan, component, deal }),
      claims,
    };
    return internalMessage(key, message);
  });
}

export const isChildEarningMessage = internalMessageGuard<ChildEarningMessage>({
  deal: TEXT,
  child: TEXT,
  revision: INTEGER,
  earned: LIST,
});
