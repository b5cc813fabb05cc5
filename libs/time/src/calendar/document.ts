/** A calendar as a plan declares it. `periods.ts` places instants in it. */
import { DAY_FORM } from '../day.js';

export const PERIODS = ['weekly', 'biweekly', 'monthly', 'quarterly', 'semi-annual', 'annual'] as const;
export const FISCAL_WEEKS = ['4-4-5', '4-5-4', '5-4-4'] as const;

export interface FiscalYear {
  /**
   * `02-01`, month and day. A fiscal year is named after the calendar year of this day: FY2026 starts on 2026-02-01.
   */
  readonly yearStarts: string;
  /**
   * Weeks in each of the three months of a quarter. The year then starts on the first day of the week that begins
   * nearest to `yearStarts` (as in the calendar of the National Retail Federation), and a 53rd week belongs to its last
   * month. When absent, a month runs from the day of `yearStarts` to the same day of the next month.
   */
  readonly weeks?: (typeof FISCAL_WEEKS)[number];
}

export interface Calendar {
  readonly periods: (typeof PERIODS)[number];
  /** IANA name, `Europe/Paris`. */
  readonly timeZone: string;
  /**
   * Any day on which a week or fortnight begins; only for calendars with weeks. Default: Monday 2026-01-05, and Sunday
   * 2026-01-04 for the weeks of a fiscal year.
   */
  readonly starts?: string;
  readonly fiscal?: FiscalYear;
}

/** How long a measurement runs before it starts again from zero; `period` is the calendar's own. */
export type Over = (typeof OVERS)[number];
export const OVERS = ['period', 'quarter', 'half-year', 'year'] as const;

/** JSON Schema of a plan's `calendar`. `calendarFault` and `isTimeZone` check what a schema cannot. */
export const CALENDAR_SCHEMA = {
  type: 'object',
  description: 'a calendar: { periods: monthly, timeZone: Europe/Paris }',
  required: ['periods', 'timeZone'],
  additionalProperties: false,
  properties: {
    periods: { enum: [...PERIODS], description: 'how long a period is' },
    timeZone: {
      type: 'string',
      minLength: 1,
      maxLength: 64,
      description: 'an IANA time zone, such as Europe/Paris: days begin and end at its midnight',
    },
    starts: {
      type: 'string',
      pattern: DAY_FORM.source,
      description: 'a day on which a week or fortnight begins, such as 2026-01-05',
    },
    fiscal: {
      type: 'object',
      description: 'a fiscal year: { yearStarts: 02-01, weeks: 4-4-5 }',
      required: ['yearStarts'],
      additionalProperties: false,
      properties: {
        yearStarts: {
          type: 'string',
          pattern: '^\\d{2}-\\d{2}$',
          description: 'month and day on which the fiscal year starts, such as 02-01',
        },
        weeks: {
          enum: [...FISCAL_WEEKS],
          description:
            'weeks in each month of a quarter; the year starts with the week that begins nearest to yearStarts',
        },
      },
    },
  },
} as const;
