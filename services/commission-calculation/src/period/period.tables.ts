/** Read model of periods that are closed or being closed. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';
import { CALENDAR_EVENTS, calendarOfStream } from '../calendar/calendar.js';
import type { CalendarEvent, Outstanding } from '../calendar/calendar.js';

export const PERIOD_STATES = ['closing', 'closed'] as const;

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
    if (event.type === 'PeriodClosing') {
      const { by, confirmedBy, force, input } = event.data;
      const note: ClosingNote = omitUndefined({ confirmedBy, force, outstanding: input.outstanding });
      await trx
        .insertInto('commission_periods')
        .values({
          calendar,
          period,
          state: 'closing',
          closing_since: event.occurredAt,
          closed_by: by,
          document: JSON.stringify(note),
        })
        .onConflict((conflict) => conflict.columns(['calendar', 'period']).doNothing())
        .execute();
    } else if (event.type === 'PeriodFinished')
      await trx
        .updateTable('commission_periods')
        .set({ state: 'closed' })
        .where('calendar', '=', calendar)
        .where('period', '=', period)
        .execute();
  }
}
