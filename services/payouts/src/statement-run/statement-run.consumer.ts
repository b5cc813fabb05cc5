import { mayAnnounce } from '@tantieme/contracts/closing';
import type { EnvelopeOf } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';

import { statementRunStream } from './statement-run.js';
import type { ManifestAuthor, StatementRunCommand } from './statement-run.js';
import { messageContext } from '../service-context.js';

/** Authors of manifests by the `source` of their messages. */
const AUTHORS: ReadonlyMap<string, ManifestAuthor> = new Map([
  ['/commission-calculation', 'commissions'],
  ['/rewards', 'rewards'],
]);

/** Translates a page of a manifest into a command of its statement run. @throws {DomainError} `ManifestSourceUnknown` */
export function manifestPageWork(envelope: EnvelopeOf<'period-manifest'>): Work<StatementRunCommand> {
  const author = AUTHORS.get(envelope.source);
  if (author === undefined)
    throw new DomainError(
      'ManifestSourceUnknown',
      `${envelope.source} may not publish manifests; allowed are ${[...AUTHORS.keys()].join(' and ')}`,
    );
  const { calendar, period, ...page } = envelope.data;
  return {
    stream: statementRunStream(calendar, period),
    command: { type: 'receive-manifest-page', at: envelope.time, author, calendar, period, ...page },
    context: messageContext(envelope),
  };
}

/**
 * Translates the reopening of a period into a command of its statement run; undefined for steps that payouts does not
 * wait for.
 * @throws {DomainError} `StepUnexpected`
 */
export function closingStepWork(envelope: EnvelopeOf<'closing-step'>): Work<StatementRunCommand> | undefined {
  const { source, time: at, data } = envelope;
  const { step, ...name } = data;
  if (!mayAnnounce(source, step)) throw new DomainError('StepUnexpected', `${source} may not announce ${step}`);
  if (step !== 'reopening') return undefined;
  return {
    stream: statementRunStream(name.calendar, name.period),
    command: { type: 'begin-withdrawal', at, ...name },
    context: messageContext(envelope),
  };
}
