import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { manifestMessagesOf } from './period.events-out.js';
import { rewardsCalendar, rewardsPeriod } from './period.js';
import type {
  CalendarCommand,
  CalendarEvent,
  CalendarState,
  PeriodCommand,
  PeriodEvent,
  PeriodState,
} from './period.js';
import { PERIODS_BYTES_MAX } from '../limits.js';

export type Calendars = Runtime<CalendarState, CalendarCommand, CalendarEvent>;
export type Periods = Runtime<PeriodState, PeriodCommand, PeriodEvent>;

export function openCalendars(store: EventStore): Calendars {
  return createRuntime({ store, decider: rewardsCalendar, cacheBytesMax: PERIODS_BYTES_MAX });
}

export function openPeriods(store: EventStore): Periods {
  return createRuntime({
    store,
    decider: rewardsPeriod,
    cacheBytesMax: PERIODS_BYTES_MAX,
    messagesOf: manifestMessagesOf,
  });
}
