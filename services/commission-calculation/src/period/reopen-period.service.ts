import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import type { JsonObject, Proposal } from '@tantieme/service-kit/two-people/proposal';
import type { TwoPersonAction } from '@tantieme/service-kit/two-people/proposals';
import { assertPeriod, closingOf, refusalTo } from '../calendar/calendar.js';
import type { CalendarState } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import { periodOfSubject } from './close-period.service.js';
import type { ReopeningPreview } from './period.dto.js';
import { Periods } from './periods.service.js';

export const REOPEN_PERIOD = 'reopen-period';

/** What a reopening depends on, and what the second person confirms. */
type ReopeningRead = Pick<ReopeningPreview, 'closing' | 'streams' | 'lines'> & { readonly approvalBegun: boolean };

/** Reopening the last closing of a calendar, as an action that needs two people. */
@Injectable()
export class ReopenPeriodAction implements TwoPersonAction {
  readonly name = REOPEN_PERIOD;
  readonly confirmers = ['approver', 'finance'] as const;

  constructor(
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(Periods) private readonly periods: Periods,
  ) {}

  /** @throws {DomainError} what `decideReopen` refuses, `ReopeningInProgress` */
  async read(subject: string): Promise<JsonObject> {
    const { calendar, period } = periodOfSubject(subject);
    assertPeriod(calendar, period);
    const state = await this.calendars.state(calendar);
    const read = await this.readOf(calendar, period, state);
    const refusal = refusalOf(calendar, period, read, state);
    if (refusal !== undefined) throw refusal;
    return read;
  }

  /** @throws {DomainError} `PeriodInvalid` */
  async preview(calendar: string, period: string): Promise<ReopeningPreview> {
    assertPeriod(calendar, period);
    const state = await this.calendars.state(calendar);
    const { approvalBegun, ...read } = await this.readOf(calendar, period, state);
    const refusal = refusalOf(calendar, period, { approvalBegun, ...read }, state);
    const { code = '', message = '' } = refusal ?? {};
    return { calendar, period, ...read, ...(refusal === undefined ? {} : { refusal: { code, message } }) };
  }

  async carryOut(proposal: Proposal, context: CommandContext): Promise<void> {
    const { id, subject, request, read, proposedBy: by, decidedBy: confirmedBy = '', decidedAt: at = '' } = proposal;
    const { calendar, period } = periodOfSubject(subject);
    const { closing, approvalBegun } = read as unknown as ReopeningRead;
    const { reason } = request as { readonly reason: string };
    const people = { proposal: id, by, confirmedBy };
    const command = { type: 'reopen', calendar, period, closing, ...people, reason, approvalBegun, at } as const;
    await this.calendars.handle(calendar, command, context);
  }

  private async readOf(calendar: string, period: string, state: CalendarState): Promise<ReopeningRead> {
    const closing = closingOf(period, state);
    const { closing: newest, steps, streams, lines } = await this.periods.state(calendar, period);
    if (newest !== closing) return { closing, streams: 0, lines: 0, approvalBegun: false };
    return { closing, streams, lines, approvalBegun: steps.has('approval-begun') };
  }
}

function refusalOf(
  calendar: string,
  period: string,
  { closing, approvalBegun }: ReopeningRead,
  state: CalendarState,
): DomainError | undefined {
  const people = { proposal: '', by: '', confirmedBy: '', reason: '' };
  const command = { type: 'reopen', calendar, period, closing, ...people, approvalBegun, at: '' } as const;
  const done = new DomainError('ReopeningInProgress', `${period} is being reopened already`, 'conflict');
  return refusalTo(command, state, done);
}
