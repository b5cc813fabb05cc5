/**
 * What decisions on bonuses look up: programmes, channels of partners, periods that are closing. Read from the log's own
 * events, as far as it went when `refresh` was called: the order in the log is what decides who has seen what.
 */
import type { ChannelType } from '@tantieme/contracts/partner';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { categoryOf } from '@tantieme/event-store/event-store';

import { PARTICIPANT, participant } from '../participant/participant.js';
import type { ParticipantEvent } from '../participant/participant.js';
import { openAfter, REWARDS_CALENDAR, rewardsCalendar } from '../period/period.js';
import type { CalendarEvent } from '../period/period.js';
import { PROGRAMME, programme } from './programme.js';
import type { CatchUp, Programme, ProgrammeEvent, ProgrammeState } from './programme.js';

const PAGE_EVENTS = 1000;

export interface Participant {
  readonly channel: ChannelType | null;
  /** Revision of the partner, null where it is not known. */
  readonly revision: number | null;
  /** When that was said; empty where it is not known. */
  readonly at: string;
}

const UNKNOWN: Participant = { channel: null, revision: null, at: '' };

/** A programme, and what it still has to catch up on. */
export interface PublishedProgramme {
  readonly programme: Programme;
  readonly catchUps: readonly CatchUp[];
}

export class Directory {
  private readonly programmes = new Map<string, ProgrammeState>();
  private readonly byHash = new Map<string, Programme>();
  private readonly byCalendar = new Map<string, PublishedProgramme[]>();
  private readonly participants = new Map<string, Participant>();
  private readonly closings = new Map<string, string>();
  private position: Position = 0n;
  private refreshing: Promise<void> = Promise.resolve();

  /** @param onUnusable told of an event that cannot be applied, which is passed over; where it is left out, `refresh` fails. */
  constructor(
    private readonly store: EventStore,
    private readonly onUnusable?: (event: StoredEvent, error: unknown) => void,
  ) {}

  /** Afterwards it holds all that was in the log when this was called. */
  refresh(): Promise<void> {
    const next = this.refreshing.then(() => this.read());
    this.refreshing = next.catch(() => undefined);
    return next;
  }

  /** The programme of a document's hash. */
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

  /** First open period of a calendar; null where none was closed yet. */
  openFrom(calendar: string): string | null {
    const closing = this.closings.get(calendar);
    return closing === undefined ? null : openAfter(calendar, closing);
  }

  private async read(): Promise<void> {
    const filter = { categories: [PROGRAMME, PARTICIPANT, REWARDS_CALENDAR] };
    for (;;) {
      const page = await this.store.readAll({ after: this.position, filter, limit: PAGE_EVENTS });
      for (const event of page.events)
        try {
          this.take(event);
        } catch (error) {
          if (this.onUnusable === undefined) throw error;
          this.onUnusable(event, error);
        }
      this.position = page.through;
      if (page.end) return;
    }
  }

  private take(stored: StoredEvent): void {
    switch (categoryOf(stored.stream)) {
      case PROGRAMME:
        return this.takeProgramme(stored.stream, domainEventOf<ProgrammeEvent>(stored, programme));
      case PARTICIPANT: {
        const { data, occurredAt } = domainEventOf<ParticipantEvent>(stored, participant);
        this.participants.set(data.partner, { channel: data.channel, revision: data.origin.revision, at: occurredAt });
        return;
      }
      default: {
        const { data } = domainEventOf<CalendarEvent>(stored, rewardsCalendar);
        this.closings.set(data.calendar, data.period);
      }
    }
  }

  private takeProgramme(stream: string, event: ProgrammeEvent): void {
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
