import { Inject, Injectable } from '@nestjs/common';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import type { JsonObject, Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { TwoPersonAction } from '@tantieme/service-kit/two-people/proposals';
import { assertPeriod } from '../calendar/calendar.js';
import type { ClosingInput } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import { ClosingPreviews, refusalToClose } from './closing-preview.service.js';

export const CLOSE_PERIOD = 'close-period';

/** Subject of the proposal to close a period. */
export function periodSubject(calendar: string, period: string): string {
  return `${calendar}|${period}`;
}

export function periodOfSubject(subject: string): { readonly calendar: string; readonly period: string } {
  const bar = subject.lastIndexOf('|');
  return { calendar: subject.slice(0, bar), period: subject.slice(bar + 1) };
}

/** What a closing depends on, and what the second person confirms. */
type ClosingRead = ClosingInput & {
  readonly statements: number;
  readonly lines: number;
  readonly totals: Readonly<Record<string, string>>;
};

/** Closing a period, as an action that needs two people. Confirming it starts the closing, which runs on by itself. */
@Injectable()
export class ClosePeriodAction implements TwoPersonAction {
  readonly name = CLOSE_PERIOD;
  readonly confirmers = ['approver', 'finance'] as const;

  constructor(
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(ClosingPreviews) private readonly previews: ClosingPreviews,
  ) {}

  /**
   * @throws {DomainError} `PeriodInvalid`, `PeriodClosed`, `ClosingInProgress`, `ReopeningInProgress`, `CalendarUnused`, `EarlierPeriodOpen`,
   * `PeriodNotEnded`, `DealsPending`, `QuotasMissing`, `ItemsParked`
   */
  async read(subject: string, request: JsonObject): Promise<JsonObject> {
    const { calendar, period } = periodOfSubject(subject);
    assertPeriod(calendar, period);
    const state = await this.calendars.state(calendar);
    const input = await this.previews.input(calendar, period, state);
    const refusal = refusalToClose(calendar, period, { ...input, ...forceOf(request) }, state);
    if (refusal !== undefined) throw refusal;
    const read: ClosingRead = { ...input, ...(await this.previews.totals(calendar, period)) };
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
}

function forceOf({ force }: JsonObject): { readonly force?: string } {
  return typeof force === 'string' ? { force } : {};
}
