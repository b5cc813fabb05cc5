import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { statementRun } from './statement-run.js';
import type { StatementRunCommand, StatementRunEvent, StatementRunState } from './statement-run.js';

/** Injection token of {@link StatementRuns}. */
export const STATEMENT_RUNS = Symbol('statement-runs');
export type StatementRuns = Runtime<StatementRunState, StatementRunCommand, StatementRunEvent>;

export function openStatementRuns(store: EventStore): StatementRuns {
  return createRuntime({ store, decider: statementRun });
}
