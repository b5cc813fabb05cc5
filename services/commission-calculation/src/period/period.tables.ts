/** Read model of periods that are closed, being closed, or were reopened. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';
import { CALENDAR_EVENTS, calendarOfStream } from '../calendar/calendar.js';
import type { CalendarEvent, Outstanding } from '../calendar/calendar.js';

export const PERIOD_STATES = ['closing', 'closed', 'reopening', 'reopened'] as const;

export interface PeriodRow {
  readonly calendar: string;
  readonly period: string;
  readonly state: (typeof PERIOD_STATES)[number];
  readonly closing_since: string;
  readonly closed_by: string;
  /** JSON of {@link ClosingNote}. */
  readonly document: string;
}

/** Who confirmed a closing, and what it left behind and why. */
export interface ClosingNote {
  readonly confirmedBy: string;
  readonly force?: string;
  readonly outstanding: readonly Outstanding[];
  readonly reopened?: {
    readonly at: string;
    readonly by: string;
    readonly confirmedBy: string;
    readonly reason: string;
  };
}

export interface PeriodTables {
  commission_periods: PeriodRow;
}

export const PERIOD_TABLES = ['commission_periods'] as const satisfies readonly (keyof PeriodTables)[];

export async function writePeriods(trx: Transaction<PeriodTables>, events: readonly StoredEvent[]): Promise<void> {
  for (const stored of events) {
    const event = domainEventOf<CalendarEvent>(stored, CALENDAR_EVENTS);
    const calendar = calendarOfStream(stored.stream);
    const { period } = event.data;
    switch (event.type) {
      case 'PeriodClosing': {
        const { by, confirmedBy, force, input } = event.data;
        const note: ClosingNote = omitUndefined({ confirmedBy, force, outstanding: input.outstanding });
        const values = {
          state: 'closing',
          closing_since: event.occurredAt,
          closed_by: by,
          document: JSON.stringify(note),
        } as const;
        await trx
          .insertInto('commission_periods')
          .values({ calendar, period, ...values })
          .onConflict((conflict) => conflict.columns(['calendar', 'period']).doUpdateSet(values))
          .execute();
        break;
      }
      case 'PeriodReopening': {
        const { by, confirmedBy, reason } = event.data;
        const row = await rowOf(trx, calendar, period);
        const note = {
          ...(JSON.parse(row.document) as ClosingNote),
          reopened: { at: event.occurredAt, by, confirmedBy, reason },
        };
        await update(trx, calendar, period, { state: 'reopening', document: JSON.stringify(note) });
        break;
      }
      case 'PeriodFinished':
      case 'ReopeningRefused':
        await update(trx, calendar, period, { state: 'closed' });
        break;
      case 'PeriodReopened':
        await update(trx, calendar, period, { state: 'reopened' });
        break;
      case 'PeriodSealed':
      case 'PeriodUnsealed':
        break;
      default:
        event satisfies never;
    }
  }
}

async function rowOf(trx: Transaction<PeriodTables>, calendar: string, period: string): Promise<PeriodRow> {
  return trx
    .selectFrom('commission_periods')
    .selectAll()
    .where('calendar', '=', calendar)
    .where('period', '=', period)
    .executeTakeFirstOrThrow();
}

async function update(
  trx: Transaction<PeriodTables>,
  calendar: string,
  period: string,
  values: Partial<Pick<PeriodRow, 'state' | 'document'>>,
): Promise<void> {
  await trx
    .updateTable('commission_periods')
    .set(values)
    .where('calendar', '=', calendar)
    .where('period', '=', period)
    .execute();
}
