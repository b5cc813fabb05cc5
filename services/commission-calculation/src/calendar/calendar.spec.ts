import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { AT, CLOSE, Stream } from '../testing/world.fixture.js';
import { calendarDecider, firstUntouchedDay, openFromOf } from './calendar.js';

const close = (period: string, earliestOpen: string | null = null, calendar = 'monthly@Europe/Paris') =>
  ({ ...CLOSE, type: 'close', calendar, period, earliestOpen, at: AT }) as const;
const seal = (period: string) => ({ type: 'seal', period, at: AT }) as const;
const finish = (period: string) => ({ type: 'finish', period, at: AT }) as const;

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return undefined;
}

describe('a calendar', () => {
  it('opens the next period when the closing period is sealed, not before', () => {
    const calendar = new Stream(calendarDecider);
    const key = 'monthly@Europe/Paris';
    const opened = () => [openFromOf(key, calendar.state), firstUntouchedDay(key, calendar.state)];
    expect(opened()).toEqual([null, null]);
    calendar.handle(close('2026-01'));
    expect(opened()).toEqual(['2026-01', '2026-02-01']);
    calendar.handle(seal('2026-01'));
    expect(opened()).toEqual(['2026-02', '2026-02-01']);
    calendar.handle(finish('2026-01'));
    expect(opened()).toEqual(['2026-02', '2026-02-01']);
    expect(calendar.events.map(({ type }) => type)).toEqual(['PeriodClosing', 'PeriodSealed', 'PeriodFinished']);
  });

  it('closes periods in order, one at a time, without gaps', () => {
    const calendar = new Stream(calendarDecider);
    expect(codeOf(() => calendar.handle(close('2026-02', '2026-01')))).toBe('EarlierPeriodOpen');
    calendar.handle(close('2026-01', '2026-01'));
    expect(codeOf(() => calendar.handle(close('2026-02')))).toBe('EarlierPeriodOpen');
    expect(codeOf(() => calendar.handle(finish('2026-01')))).toBe('PeriodNotSealed');
    calendar.handle(seal('2026-01'));
    calendar.handle(finish('2026-01'));
    expect(codeOf(() => calendar.handle(close('2026-03')))).toBe('EarlierPeriodOpen');
    calendar.handle(close('2026-02'));
  });

  it('is not closed where no plan uses it', () => {
    const calendar = new Stream(calendarDecider);
    expect(codeOf(() => calendar.handle({ ...close('2026-01'), plans: 0, force: 'x' }))).toBe('CalendarUnused');
  });

  it('closes with something outstanding only for a reason, and records it with both people', () => {
    const calendar = new Stream(calendarDecider);
    const outstanding = [{ code: 'DealsPending', count: 3, message: '3 deals are pending' }] as const;
    expect(codeOf(() => calendar.handle({ ...close('2026-01'), outstanding }))).toBe('DealsPending');
    const [event] = calendar.handle({ ...close('2026-01'), outstanding, force: 'the source is gone' });
    expect(event?.data).toMatchObject({
      by: 'fiona',
      confirmedBy: 'ada',
      force: 'the source is gone',
      input: { outstanding },
    });
  });

  it('takes every step only once', () => {
    const calendar = new Stream(calendarDecider);
    for (const command of [close('2026-01'), seal('2026-01'), finish('2026-01')]) {
      expect(calendar.handle(command)).toHaveLength(1);
      expect(calendar.handle(command)).toEqual([]);
    }
    expect(calendar.handle(seal('2026-01'))).toEqual([]);
    expect(calendar.handle(close('2025-12'))).toEqual([]);
  });

  it.each(['2026-13', '2026-Q1', '2026', ''])('refuses "%s" as a month', (period) => {
    expect(codeOf(() => new Stream(calendarDecider).handle(close(period)))).toBe('PeriodInvalid');
  });

  it.each([
    ['quarterly@Europe/Paris', '2026-Q4', '2027-Q1'],
    ['weekly@Europe/Paris', '2026-W52', '2026-W53'],
    ['weekly@Europe/Paris', '2026-W53', '2027-W01'],
    ['monthly.FY02-01.4-4-5@Europe/Paris', 'FY2026-P12', 'FY2027-P01'],
    ['annual@Europe/Paris', '2026', '2027'],
  ])('of %s continues after %s with %s', (key, period, next) => {
    const calendar = new Stream(calendarDecider);
    for (const command of [close(period, null, key), seal(period), finish(period)]) calendar.handle(command);
    expect(openFromOf(key, calendar.state)).toBe(next);
  });
});

describe('reopening', () => {
  const reopen = (period: string, closing: number, approvalBegun = false) =>
    ({
      type: 'reopen',
      calendar: 'monthly@Europe/Paris',
      period,
      closing,
      approvalBegun,
      proposal: 'reopen-period|…|1',
      by: 'fiona',
      confirmedBy: 'ada',
      reason: 'a late deal',
      at: AT,
    }) as const;
  const closed = (...periods: readonly string[]) => {
    const calendar = new Stream(calendarDecider);
    for (const period of periods)
      for (const command of [close(period), seal(period), finish(period)]) calendar.handle(command);
    return calendar;
  };

  it('gives the period back once its statements are withdrawn, and the next closing gets the next number', () => {
    const calendar = closed('2026-01', '2026-02');
    const opened = () => openFromOf('monthly@Europe/Paris', calendar.state);
    calendar.handle(reopen('2026-02', 1));
    expect(opened()).toBe('2026-03');
    expect(codeOf(() => calendar.handle(close('2026-03')))).toBe('ReopeningInProgress');
    expect(codeOf(() => calendar.handle({ type: 'finish-reopening', period: '2026-02', at: AT }))).toBe('PeriodSealed');
    calendar.handle({ type: 'unseal', period: '2026-02', at: AT });
    expect(opened()).toBe('2026-02');
    calendar.handle({ type: 'finish-reopening', period: '2026-02', at: AT });
    // The same proposals, carried out again after a crash.
    expect(calendar.handle(reopen('2026-02', 1))).toEqual([]);
    expect(calendar.handle(close('2026-02'))).toEqual([]);
    calendar.handle({ ...close('2026-02'), proposal: 'close-period|…|2' });
    expect(calendar.state.closing).toMatchObject({ period: '2026-02', closing: 2, sealed: false });
  });

  it('of the first closing leaves no period closed', () => {
    const calendar = closed('2026-01');
    calendar.handle(reopen('2026-01', 1));
    calendar.handle({ type: 'unseal', period: '2026-01', at: AT });
    expect(openFromOf('monthly@Europe/Paris', calendar.state)).toBeNull();
  });

  it('is refused for any but the last closing, after an approval, and past the seal of a running one', () => {
    const calendar = closed('2026-01', '2026-02');
    expect(codeOf(() => calendar.handle(reopen('2026-03', 0)))).toBe('PeriodNotClosed');
    expect(codeOf(() => calendar.handle(reopen('2026-01', 1)))).toBe('LaterPeriodClosed');
    expect(codeOf(() => calendar.handle(reopen('2026-02', 1, true)))).toBe('StatementsApproved');
    calendar.handle({ ...close('2026-03'), proposal: 'close-period|…|3' });
    expect(codeOf(() => calendar.handle(reopen('2026-02', 1)))).toBe('LaterPeriodClosed');
    calendar.handle(seal('2026-03'));
    expect(codeOf(() => calendar.handle(reopen('2026-03', 1)))).toBe('ClosingInProgress');
  });

  it('that payouts refuses leaves the period closed', () => {
    const calendar = closed('2026-01');
    calendar.handle(reopen('2026-01', 1));
    calendar.handle({ type: 'refuse-reopening', period: '2026-01', at: AT });
    expect(calendar.state).toMatchObject({ reopening: null, closedThrough: '2026-01' });
    calendar.handle({ ...close('2026-02'), proposal: 'close-period|…|2' });
  });
});
