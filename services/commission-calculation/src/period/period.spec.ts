import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { calendarDecider, openFromOf, firstUntouchedDay } from '../calendar/calendar.js';
import { MANIFEST_ENTRIES_MAX, pagesOf, periodDecider } from './period.js';
import { AT, partnerOf, Stream } from '../testing/world.fixture.js';
import { partnerAsOf, referenceDecider } from '../reference/reference.js';

const close = (period: string, earliestOpen: string | null = null, calendar = 'monthly@Europe/Paris') =>
  ({ type: 'close', calendar, period, by: 'olga', earliestOpen, waiting: 0, at: AT }) as const;
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
  it('opens the next period when the one that is closed is sealed, and not before', () => {
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

  it('closes in order, one at a time, without a gap', () => {
    const calendar = new Stream(calendarDecider);
    expect(codeOf(() => calendar.handle(close('2026-02', '2026-01')))).toBe('EarlierPeriodOpen');
    calendar.handle(close('2026-01', '2026-01'));
    expect(codeOf(() => calendar.handle(close('2026-02')))).toBe('ClosingInProgress');
    expect(codeOf(() => calendar.handle(finish('2026-01')))).toBe('PeriodNotSealed');
    calendar.handle(seal('2026-01'));
    calendar.handle(finish('2026-01'));
    expect(codeOf(() => calendar.handle(close('2026-03')))).toBe('EarlierPeriodOpen');
    calendar.handle(close('2026-02'));
  });

  it('closes while deals are waiting only for a reason, which is kept', () => {
    const calendar = new Stream(calendarDecider);
    const waiting = { ...close('2026-01'), waiting: 3 };
    expect(codeOf(() => calendar.handle(waiting))).toBe('DealsWaiting');
    const [event] = calendar.handle({ ...waiting, force: 'the source is gone' });
    expect(event?.data).toMatchObject({ force: 'the source is gone', input: { waiting: 3 } });
  });

  it('takes every step but once', () => {
    const calendar = new Stream(calendarDecider);
    for (const command of [close('2026-01'), seal('2026-01'), finish('2026-01')]) {
      expect(calendar.handle(command)).toHaveLength(1);
      expect(calendar.handle(command)).toEqual([]);
    }
    expect(calendar.handle(seal('2026-01'))).toEqual([]);
    expect(calendar.handle(close('2025-12'))).toEqual([]);
  });

  it.each(['2026-13', '2026-Q1', '2026', ''])('knows that "%s" is no month', (period) => {
    expect(codeOf(() => new Stream(calendarDecider).handle(close(period)))).toBe('PeriodInvalid');
  });

  it.each([
    ['quarterly@Europe/Paris', '2026-Q4', '2027-Q1'],
    ['weekly@Europe/Paris', '2026-W52', '2026-W53'],
    ['weekly@Europe/Paris', '2026-W53', '2027-W01'],
    ['monthly.FY02-01.4-4-5@Europe/Paris', 'FY2026-P12', 'FY2027-P01'],
    ['annual@Europe/Paris', '2026', '2027'],
  ])('of %s goes from %s to %s', (key, period, next) => {
    const calendar = new Stream(calendarDecider);
    for (const command of [close(period, null, key), seal(period), finish(period)]) calendar.handle(command);
    expect(openFromOf(key, calendar.state)).toBe(next);
  });
});

describe('a period', () => {
  const entries = Array.from({ length: MANIFEST_ENTRIES_MAX + 1 }, (_, index) => ({
    stream: `earning-P${index}|p`,
    payee: `P${index}`,
    currency: 'EUR',
    lines: 2,
    minimum: '0.00',
    hash: '0'.repeat(64),
  }));

  it('is closed when all pages of its manifest are there', () => {
    const period = new Stream(periodDecider);
    const [first, second] = pagesOf('monthly@Europe/Paris', '2026-01', entries);
    if (first === undefined || second === undefined) throw new Error('there should be two pages');
    period.handle({ type: 'reach-stage', stage: 'sealed', at: AT });
    period.handle({ type: 'add-page', page: first, at: AT });
    expect(codeOf(() => period.handle({ type: 'close', at: AT }))).toBe('ManifestIncomplete');
    expect(period.handle({ type: 'add-page', page: first, at: AT })).toEqual([]);
    period.handle({ type: 'add-page', page: second, at: AT });
    expect(period.handle({ type: 'close', at: AT })[0]?.data).toEqual({ pages: 2, streams: 501, lines: 1002 });
    expect(period.handle({ type: 'close', at: AT })).toEqual([]);
  });

  it('without lines has a manifest of one empty page', () => {
    expect(pagesOf('monthly@Europe/Paris', '2026-01', [])).toMatchObject([{ page: 1, pages: 1, entries: [] }]);
  });
});

describe('a partner', () => {
  it('is kept in its newest revision', () => {
    const stream = new Stream(referenceDecider);
    const take = (revision: number, tier: string) =>
      stream.handle({ partner: partnerOf('anna', { tier }), origin: { stream: 'partner-anna', revision }, at: AT });
    expect(take(3, 'gold')).toHaveLength(1);
    expect(take(2, 'silver')).toEqual([]);
    expect(take(3, 'gold')).toEqual([]);
    expect(take(4, 'silver')).toHaveLength(1);
  });

  it('has on a day what was in force on it', () => {
    const partner = {
      ...partnerOf('anna', { from: '2026-02-01', until: '2026-04-01' }),
      tiers: [
        { from: '2026-01-01', value: 'silver' },
        { from: '2026-03-01', value: 'gold' },
      ],
      uplines: [
        { from: '2026-02-15', value: 'dora' },
        { from: '2026-03-15', value: null },
      ],
    };
    const on = (day: string) => {
      const { tier, upline, plans } = partnerAsOf(partner, day);
      return [tier, upline, plans.join()];
    };
    expect(on('2025-12-31')).toEqual([null, null, '']);
    expect(on('2026-02-01')).toEqual(['silver', null, 'resellers']);
    expect(on('2026-03-01')).toEqual(['gold', 'dora', 'resellers']);
    expect(on('2026-03-31')).toEqual(['gold', null, 'resellers']);
    expect(on('2026-04-01')).toEqual(['gold', null, '']);
  });
});
