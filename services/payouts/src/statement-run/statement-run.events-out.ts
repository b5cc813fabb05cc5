/** The steps of closings in payouts, for commission-calculation. */
import type { AnnouncedStep } from '@tantieme/contracts/closing';
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';

import { STATEMENT_RUN, STATEMENT_RUN_EVENTS } from './statement-run.js';
import type { StatementRunEvent } from './statement-run.js';

const STEPS: Readonly<Partial<Record<StatementRunEvent['type'], AnnouncedStep>>> = {
  StatementRunStarted: 'manifest-published',
  StatementRunFinished: 'statements-issued',
  ApprovalBegun: 'approval-begun',
  StatementsWithdrawn: 'statements-withdrawn',
};

export const PAYOUTS_CLOSINGS: Publication = {
  name: 'payouts-closings-relay',
  topic: TOPICS.payoutsClosings,
  filter: { categories: [STATEMENT_RUN], types: Object.keys(STEPS) },
  toMessages: messagesOf,
};

function messagesOf(stored: StoredEvent): readonly OutgoingMessage[] {
  const { type, data } = parseDomainEvent<StatementRunEvent>(stored, STATEMENT_RUN_EVENTS);
  const step = STEPS[type];
  if (step === undefined) return [];
  const { calendar, period, closing } = data;
  const attributes = { ...attributesOf(stored, '/payouts', calendar), causationId: stored.id };
  return [envelopeMessage('closing-step', attributes, { calendar, period, closing, step })];
}
