import { Inject, Injectable } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { calendarDecider, calendarStream, openFromOf } from './calendar.js';
import type { CalendarCommand, CalendarEvent, CalendarState } from './calendar.js';
import { CALENDARS_BYTES_MAX } from '../limits.js';

/** Calendars by their keys, `monthly@Europe/Paris`. */
@Injectable()
export class Calendars {
  private readonly runtime: Runtime<CalendarState, CalendarCommand, CalendarEvent>;

  constructor(@Inject(EVENT_STORE) store: EventStore) {
    this.runtime = createRuntime({ store, decider: calendarDecider, cacheBytesMax: CALENDARS_BYTES_MAX });
  }

  async state(calendar: string): Promise<CalendarState> {
    return (await this.runtime.load(calendarStream(calendar))).state;
  }

  /** @throws {DomainError} what the decider refuses */
  async handle(calendar: string, command: CalendarCommand, context: CommandContext): Promise<void> {
    await this.runtime.handle(calendarStream(calendar), command, context);
  }

  /** First open period by calendar; calendars without a closing are left out. */
  async openPeriods(calendars: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const openFrom = new Map<string, string>();
    for (const calendar of new Set(calendars)) {
      const first = openFromOf(calendar, await this.state(calendar));
      if (first !== null) openFrom.set(calendar, first);
    }
    return openFrom;
  }
}
