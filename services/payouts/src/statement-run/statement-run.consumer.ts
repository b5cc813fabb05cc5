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
  const { calendar, period, page, pages, entries } = envelope.data;
  return {
    stream: statementRunStream(calendar, period),
    command: { type: 'receive-manifest-page', at: envelope.time, author, calendar, period, page, pages, entries },
    context: messageContext(envelope),
  };
}
