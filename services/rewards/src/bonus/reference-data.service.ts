/**
 * What decisions on bonuses look up: programmes, channels of partners, closing periods. `refresh` reads the service's
 * own log to its end, so the order of the log alone determines what a decision is based on.
 */
import type { ChannelType } from '@tantieme/contracts/partner';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { categoryOf } from '@tantieme/event-store/event-store';

import { PARTICIPANT, PARTICIPANT_EVENTS } from '../participant/participant.js';
import type { ParticipantEvent } from '../participant/participant.js';
import {
  calendarAfter,
  openAfter,
  REWARDS_CALENDAR,
  REWARDS_CALENDAR_EVENTS,
  rewardsCalendar,
} from '../period/period.js';
import type { CalendarEvent, CalendarState } from '../period/period.js';
import { PROGRAMME, programme, PROGRAMME_EVENTS } from '../programme/programme.js';
import type { CatchUp, Programme, ProgrammeEvent, ProgrammeState } from '../programme/programme.js';
import { REFERENCE_EVENTS_PER_READ } from '../limits.js';

export interface Participant {
  readonly channel: ChannelType | null;
  /** Revision of the partner; null for an unknown one. */
  readonly revision: number | null;
  /** ISO 8601 instant of that revision; empty for an unknown partner. */
  readonly at: string;
}

const UNKNOWN: Participant = { channel: null, revision: null, at: '' };

/** A programme with its unfinished catch-ups. */
export interface PublishedProgramme {
  readonly programme: Programme;
  readonly catchUps: readonly CatchUp[];
}

export class ReferenceData {
  private readonly programmes = new Map<string, ProgrammeState>();
  private readonly byHash = new Map<string, Programme>();
  private readonly byCalendar = new Map<string, PublishedProgramme[]>();
  private readonly participants = new Map<string, Participant>();
  private readonly calendars = new Map<string, CalendarState>();
  private position: Position = 0n;
  private refreshing: Promise<void> = Promise.resolve();

  /**
   * @param onUnusable called with an event that cannot be applied, which is then skipped; without it `refresh` fails
   */
  constructor(
    private readonly store: EventStore,
    private readonly onUnusable?: (event: StoredEvent, error: unknown) => void,
  ) {}

  /** Reads everything that was in the log when it was called. */
  refresh(): Promise<void> {
    const next = this.refreshing.then(() => this.read());
    this.refreshing = next.catch(() => undefined);
    return next;
  }

  programmeOf(hash: string): Programme | undefined {
    return this.byHash.get(hash);
  }

  programmesOf(calendar: string, currency: string): readonly PublishedProgramme[] {
    return this.byCalendar.get(`${calendar} ${currency}`) ?? [];
  }

  allProgrammes(): readonly PublishedProgramme[] {
    return [...this.byCalendar.values()].flat();
  }

  participantOf(partner: string): Participant {
    return this.participants.get(partner) ?? UNKNOWN;
  }

  /** First open period of a calendar; null if no period was closed yet. */
  openFrom(calendar: string): string | null {
    const closing = this.calendars.get(calendar)?.closing ?? null;
    return closing === null ? null : openAfter(calendar, closing);
  }

  private async read(): Promise<void> {
    const filter = { categories: [PROGRAMME, PARTICIPANT, REWARDS_CALENDAR] };
    for (;;) {
      const page = await this.store.readAll({ after: this.position, filter, limit: REFERENCE_EVENTS_PER_READ });
      for (const event of page.events)
        try {
          this.apply(event);
        } catch (error) {
          if (this.onUnusable === undefined) throw error;
          this.onUnusable(event, error);
        }
      this.position = page.through;
      if (page.end) return;
    }
  }

  private apply(stored: StoredEvent): void {
    switch (categoryOf(stored.stream)) {
      case PROGRAMME:
        this.applyProgramme(stored.stream, domainEventOf<ProgrammeEvent>(stored, PROGRAMME_EVENTS));
        return;
      case PARTICIPANT: {
        const { data, occurredAt } = domainEventOf<ParticipantEvent>(stored, PARTICIPANT_EVENTS);
        this.participants.set(data.partner, { channel: data.channel, revision: data.origin.revision, at: occurredAt });
        return;
      }
      default: {
        const event = domainEventOf<CalendarEvent>(stored, REWARDS_CALENDAR_EVENTS);
        const { calendar } = event.data;
        const before = this.calendars.get(calendar) ?? rewardsCalendar.initialState();
        this.calendars.set(calendar, calendarAfter(before, event));
      }
    }
  }

  private applyProgramme(stream: string, event: ProgrammeEvent): void {
    const state = programme.evolve(this.programmes.get(stream) ?? programme.initialState(), event);
    this.programmes.set(stream, state);
    this.byCalendar.clear();
    for (const { published, catchUps } of this.programmes.values()) {
      if (published === undefined) continue;
      this.byHash.set(published.hash, published);
      const name = `${published.calendarKey} ${published.document.currency}`;
      const programmes = this.byCalendar.get(name) ?? [];
      programmes.push({ programme: published, catchUps });
      this.byCalendar.set(name, programmes);
    }
  }
}
