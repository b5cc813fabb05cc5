import { Inject, Injectable } from '@nestjs/common';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Background } from '@tantieme/service-kit/background/background';
import type { JsonObject, Proposal } from '@tantieme/service-kit/two-people/proposal';
import { TIMERS } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Timers } from '@tantieme/time/timers';
import type { TwoPersonAction } from '@tantieme/service-kit/two-people/proposals';
import { assertPeriod, calendarDecider } from '../calendar/calendar.js';
import type { ClosingInput } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import { ClosingPreviews, periodClosed } from './closing-preview.service.js';
import { IN_TRANSIT_MS_MAX } from '../limits.js';

export const CLOSE_PERIOD = 'close-period';

/** Subject of the proposal to close a period. */
export function periodSubject(calendar: string, period: string): string {
  return `${calendar}|${period}`;
}

function periodOfSubject(subject: string): { readonly calendar: string; readonly period: string } {
  const bar = subject.lastIndexOf('|');
  return { calendar: subject.slice(0, bar), period: subject.slice(bar + 1) };
}

/** What a closing depends on, and what the second person confirms. */
type ClosingRead = ClosingInput & {
  readonly statements: number;
  readonly lines: number;
  readonly totals: Readonly<Record<string, string>>;
};

const POLL_MS = 50;

/** Closing a period, as an action that needs two people. Confirming it starts the closing, which runs on by itself. */
@Injectable()
export class ClosePeriodAction implements TwoPersonAction {
  readonly name = CLOSE_PERIOD;
  readonly confirmers = ['approver', 'finance'] as const;

  constructor(
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(ClosingPreviews) private readonly previews: ClosingPreviews,
    @Inject(Background) private readonly background: Background,
    @Inject(TIMERS) private readonly timers: Timers,
  ) {}

  /**
   * @throws {DomainError} `PeriodInvalid`, `PeriodClosed`, `ClosingInProgress`, `CalendarUnused`, `EarlierPeriodOpen`,
   * `PeriodNotEnded`, `DealsPending`, `QuotasMissing`, `ItemsParked`
   */
  async read(subject: string, request: JsonObject): Promise<JsonObject> {
    const { calendar, period } = periodOfSubject(subject);
    assertPeriod(calendar, period);
    await this.processed();
    const state = await this.calendars.state(calendar);
    const input = await this.previews.input(calendar, period, state);
    const events = calendarDecider.decide(
      { type: 'close', calendar, period, proposal: '', by: '', confirmedBy: '', ...forceOf(request), ...input, at: '' },
      state,
    );
    if (events.length === 0) throw periodClosed(period, state);
    const { statements, lines, totals } = await this.previews.preview(calendar, period);
    const read: ClosingRead = { ...input, statements, lines, totals };
    return read as unknown as JsonObject;
  }

  async carryOut(proposal: Proposal, context: CommandContext): Promise<void> {
    const { id, subject, request, read, proposedBy: by, decidedBy: confirmedBy = '', decidedAt: at = '' } = proposal;
    const { calendar, period } = periodOfSubject(subject);
    const { plans, earliestOpen, outstanding } = read as unknown as ClosingRead;
    const people = { proposal: id, by, confirmedBy, ...forceOf(request) };
    const input = { plans, earliestOpen, outstanding };
    await this.calendars.handle(calendar, { type: 'close', calendar, period, ...people, ...input, at }, context);
  }

  /** Gives deals whose facts are still being processed some time. */
  private async processed(): Promise<void> {
    const { timers } = this;
    for (const untilMs = timers.nowMs() + IN_TRANSIT_MS_MAX; timers.nowMs() < untilMs; await timers.wait(POLL_MS)) {
      const status = this.background.status();
      if (status.every(({ lag }) => lag === '0')) return;
    }
  }
}

function forceOf({ force }: JsonObject): { readonly force?: string } {
  return typeof force === 'string' ? { force } : {};
}
