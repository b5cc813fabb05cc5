import { describe, expect, it } from '@jest/globals';
import { EngineUnknown, engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { requiresFullState } from '@tantieme/event-sourcing/decide/partial-state';
import fc from 'fast-check';

import { BONUS_ENGINES, BONUS_PARTIAL_STATES, bonusDecider, measuredBasisOf } from './bonus.js';
import type { BonusCommand, BonusEvent, Eligibility } from './bonus.js';
import { document, earnings, line, run } from './bonus.fixture.js';
import type { ReceivedEarnings } from '../ledger/earnings-ledger.js';
import { compileProgramme } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';

const programme = compileProgramme(document());
const ELIGIBLE: Eligibility = { partnerRevision: null, eligible: true };

function deciderOf(one: Programme = programme) {
  return bonusDecider((hash) => (hash === one.hash ? one : undefined));
}

function decide(
  received: ReceivedEarnings | null,
  parts: Partial<Extract<BonusCommand, { readonly type: 'decide-bonus' }>> = {},
  one: Programme = programme,
): BonusCommand {
  return {
    type: 'decide-bonus',
    at: '2026-01-15T09:00:00Z',
    payee: 'P1',
    programme: one.hash,
    earnings: received && { origin: received.origin, deal: received.deal, basis: measuredBasisOf(one, received) },
    eligibility: ELIGIBLE,
    openFrom: null,
    ...parts,
  };
}

const close = (period: string): BonusCommand => ({ type: 'close-period', at: '2026-04-03T09:00:00Z', period });

/** Lines as `period origin kind amount basis`. */
function linesOf(commands: readonly BonusCommand[], one: Programme = programme): readonly string[] {
  const { state } = run(deciderOf(one), commands);
  return [...state.lines.values()]
    .flat()
    .map(({ period, origin, kind, amount, basis }) => `${period} ${origin} ${kind} ${amount} ${basis}`);
}

describe('a volume bonus', () => {
  it('pays the highest tier that the window reaches, in the last period of the window', () => {
    const half = earnings('crm|D-1', 0, [line('60000.00')]);
    const rest = earnings('crm|D-2', 1, [line('40000.00', { period: '2026-03', origin: '2026-03' })]);
    expect(linesOf([decide(half)])).toEqual(['2026-03 2026-03 bonus 500.00 60000.00']);
    expect(linesOf([decide(half), decide(rest)])).toEqual(['2026-03 2026-03 bonus 1500.00 100000.00']);
  });

  it('pays from exactly the threshold on, and nothing below it', () => {
    expect(linesOf([decide(earnings('crm|D-1', 0, [line('49999.99')]))])).toEqual([]);
    expect(linesOf([decide(earnings('crm|D-1', 0, [line('50000.00')]))])).toEqual([
      '2026-03 2026-03 bonus 500.00 50000.00',
    ]);
  });

  it('measures each window by itself', () => {
    const april = line('50000.00', { period: '2026-04', origin: '2026-04' });
    expect(
      linesOf([decide(earnings('crm|D-1', 0, [line('50000.00')])), decide(earnings('crm|D-2', 1, [april]))]),
    ).toEqual(['2026-03 2026-03 bonus 500.00 50000.00', '2026-06 2026-06 bonus 500.00 50000.00']);
  });

  it('subtracts the basis of a return', () => {
    const returned = line('-20000.00', { period: '2026-02', origin: '2026-02', kind: 'clawback' });
    expect(linesOf([decide(earnings('crm|D-1', 0, [line('60000.00'), returned]))])).toEqual([]);
  });

  it('measures only the components and plans that it names', () => {
    const other = line('60000.00', { component: 'services' });
    expect(linesOf([decide(earnings('crm|D-1', 0, [other]))])).toEqual([]);
    const ofPlan = compileProgramme(document({ measure: { of: 'basis', over: 'quarter', plans: ['direct'] } }));
    expect(linesOf([decide(earnings('crm|D-1', 0, [line('60000.00')]), {}, ofPlan)], ofPlan)).toEqual([]);
  });

  it('counts windows that start on its first day or later, and before its end', () => {
    const limited = compileProgramme(document({ from: '2026-02-01', until: '2026-07-01' }));
    const lines = ['2026-01', '2026-04', '2026-07'].map((period) => line('50000.00', { period, origin: period }));
    expect(linesOf([decide(earnings('crm|D-1', 0, lines), {}, limited)], limited)).toEqual([
      '2026-06 2026-06 bonus 500.00 50000.00',
    ]);
  });

  it('runs over a period, a quarter of a quarterly calendar, or a year', () => {
    const received = earnings('crm|D-1', 0, [line('50000.00')]);
    const monthly = compileProgramme(document({ measure: { of: 'basis', over: 'period' } }));
    const yearly = compileProgramme(document({ measure: { of: 'basis', over: 'year' } }));
    expect(linesOf([decide(received, {}, monthly)], monthly)).toEqual(['2026-01 2026-01 bonus 500.00 50000.00']);
    expect(linesOf([decide(received, {}, yearly)], yearly)).toEqual(['2026-12 2026-12 bonus 500.00 50000.00']);
    const quarterly = compileProgramme(document({ calendar: { periods: 'quarterly', timeZone: 'Europe/Paris' } }));
    const inQuarter = earnings('crm|D-1', 0, [line('50000.00', { period: '2026-Q1', origin: '2026-Q1' })]);
    expect(linesOf([decide(inQuarter, {}, quarterly)], quarterly)).toEqual(['2026-Q1 2026-Q1 bonus 500.00 50000.00']);
  });

  it('runs over a half-year, and over a quarter of weeks or of a fiscal year', () => {
    const half = compileProgramme(document({ measure: { of: 'basis', over: 'half-year' } }));
    expect(linesOf([decide(earnings('crm|D-1', 0, [line('50000.00')]), {}, half)], half)).toEqual([
      '2026-06 2026-06 bonus 500.00 50000.00',
    ]);
    const weekly = compileProgramme(document({ calendar: { periods: 'weekly', timeZone: 'Europe/Paris' } }));
    const inWeeks = ['2026-W40', '2026-W53'].map((period) => line('25000.00', { period, origin: period }));
    expect(linesOf([decide(earnings('crm|D-1', 0, inWeeks), {}, weekly)], weekly)).toEqual([
      '2026-W53 2026-W53 bonus 500.00 50000.00',
    ]);
    const fiscal = compileProgramme(
      document({
        calendar: { periods: 'monthly', timeZone: 'Europe/Paris', fiscal: { yearStarts: '02-01', weeks: '4-4-5' } },
      }),
    );
    const inMonths = ['FY2026-P01', 'FY2026-P03'].map((period) => line('25000.00', { period, origin: period }));
    expect(linesOf([decide(earnings('crm|D-1', 0, inMonths), {}, fiscal)], fiscal)).toEqual([
      'FY2026-P03 FY2026-P03 bonus 500.00 50000.00',
    ]);
  });
});

describe('late earnings and late programmes', () => {
  const first = earnings('crm|D-1', 0, [line('60000.00')]);
  const late = earnings('crm|D-2', 1, [line('40000.00', { period: '2026-04', origin: '2026-03', kind: 'adjustment' })]);

  it('are posted in the period in which commission-calculation posted them, whenever rewards closes', () => {
    const expected = ['2026-03 2026-03 bonus 500.00 60000.00', '2026-04 2026-03 adjustment 1000.00 40000.00'];
    expect(linesOf([decide(first), decide(late)])).toEqual(expected);
    expect(linesOf([decide(late), decide(first)])).toEqual(expected);
    expect(linesOf([decide(first), close('2026-03'), decide(late, { openFrom: '2026-04' })])).toEqual(expected);
    expect(linesOf([decide(first), decide(late), close('2026-03'), close('2026-04')])).toEqual(expected);
  });

  it('post what a late programme owes for closed periods in the first open one', () => {
    expect(linesOf([decide(first, { openFrom: '2026-06' }), decide(late, { openFrom: '2026-06' })])).toEqual([
      '2026-06 2026-03 adjustment 1500.00 100000.00',
    ]);
  });

  it('never change a closed line', () => {
    const corrected = earnings('crm|D-1', 5, [line('10000.00')]);
    expect(linesOf([decide(first), close('2026-03'), decide(corrected)])).toEqual([
      '2026-03 2026-03 bonus 500.00 60000.00',
      '2026-04 2026-03 adjustment -500.00 -50000.00',
    ]);
  });
});

describe('repetition', () => {
  const first = earnings('crm|D-1', 3, [line('60000.00')]);

  it('appends nothing, and neither does an older revision', () => {
    const { events } = run(deciderOf(), [decide(first), decide(first), decide(earnings('crm|D-1', 2, [line('1.00')]))]);
    expect(events.length).toBe(1);
  });

  it('with a newer revision replaces the older one', () => {
    expect(linesOf([decide(first), decide(earnings('crm|D-1', 4, [line('55000.00')]))])).toEqual([
      '2026-03 2026-03 bonus 500.00 55000.00',
    ]);
  });

  it('does not record a deal that never counted, unless asked to', () => {
    const other = earnings('crm|D-2', 0, [line('1.00', { component: 'services' })]);
    expect(run(deciderOf(), [decide(other, { onlyIfMeasuredBefore: true })]).events).toEqual([]);
    const gone = earnings('crm|D-1', 4, [line('1.00', { component: 'services' })]);
    expect(linesOf([decide(first), decide(gone, { onlyIfMeasuredBefore: true })])).toEqual([]);
  });

  it('gives the same lines for every order and with duplicates', () => {
    const messages = [
      earnings('crm|D-1', 0, [line('60000.00')]),
      earnings('crm|D-1', 4, [line('60000.00'), line('-30000.00', { period: '2026-04', origin: '2026-02' })]),
      earnings('crm|D-2', 1, [line('30000.00', { period: '2026-02', origin: '2026-02' })]),
      earnings('crm|D-3', 2, [line('45000.00', { period: '2026-05', origin: '2026-03' })]),
      earnings('crm|D-3', 3, []),
      earnings('crm|D-4', 5, [line('70000.00', { period: '2026-04', origin: '2026-04' })]),
    ];
    const expected = linesOf(messages.map((received) => decide(received))).toSorted();
    fc.assert(
      fc.property(fc.shuffledSubarray([...messages, ...messages], { minLength: 2 * messages.length }), (shuffled) => {
        expect(linesOf(shuffled.map((received) => decide(received))).toSorted()).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a bonus whose deals do not fit into memory', () => {
  /** Reduces the state before every command, and reads the stream again if that is not enough. */
  function runOnPartialStates(commands: readonly BonusCommand[]) {
    const decider = deciderOf();
    const events: BonusEvent[] = [];
    let readAgain = 0;
    let state = decider.initialState();
    for (const command of commands) {
      BONUS_PARTIAL_STATES.makePartial(state);
      let decided: readonly BonusEvent[];
      try {
        decided = decider.decide(command, state);
      } catch (error) {
        if (!requiresFullState(error)) throw error;
        readAgain += 1;
        state = events.reduce((before, event) => decider.evolve(before, event), decider.initialState());
        decided = decider.decide(command, state);
      }
      for (const event of decided) state = decider.evolve(state, event);
      events.push(...decided);
    }
    return { events, readAgain };
  }

  const anyCommand = fc.oneof(
    fc
      .record({
        deal: fc.constantFrom('crm|D-1', 'crm|D-2', 'crm|D-3', 'crm|D-4'),
        revision: fc.nat({ max: 12 }),
        net: fc.constantFrom('30000.00', '-10000.00', '55000.00', '0.00'),
        period: fc.constantFrom('2026-01', '2026-03', '2026-04'),
        eligible: fc.constantFrom(null, true, false),
      })
      .map(({ deal, revision, net, period, eligible }) =>
        decide(earnings(deal, revision, [line(net, { period, origin: '2026-03' })]), {
          eligibility: { partnerRevision: eligible === null ? null : revision, eligible },
        }),
      ),
    fc.constant(close('2026-03')),
  );

  it('decides the same, and reads the stream again only for deals that it has measured', () => {
    let readAgain = 0;
    let decided = 0;
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 20 }), (commands) => {
        const partial = runOnPartialStates(commands);
        expect(partial.events).toEqual(run(deciderOf(), commands).events);
        readAgain += partial.readAgain;
        decided += commands.length;
      }),
      { numRuns: 300 },
    );
    expect(readAgain).toBeGreaterThan(100);
    expect(readAgain).toBeLessThan(decided);
  });

  it('reads the stream again after it has missed an event of such a deal', () => {
    const decider = deciderOf();
    const first = decide(earnings('crm|D-1', 0, [line('60000.00')]));
    const [event] = decider.decide(first, decider.initialState());
    if (event === undefined) throw new Error('nothing was decided');
    const state = decider.evolve(decider.initialState(), event);
    BONUS_PARTIAL_STATES.makePartial(state);
    decider.evolve(state, event);
    expect(() => decider.decide(close('2026-03'), state)).toThrow('needs the full state');
  });
});

describe('eligibility', () => {
  const first = earnings('crm|D-1', 0, [line('60000.00')]);
  const unknown: Eligibility = { partnerRevision: null, eligible: null };
  const yes: Eligibility = { partnerRevision: 1, eligible: true };
  const no: Eligibility = { partnerRevision: 2, eligible: false };

  it('may become known later: the bonus measured before is paid then', () => {
    expect(linesOf([decide(first, { eligibility: unknown })])).toEqual([]);
    expect(linesOf([decide(first, { eligibility: unknown }), decide(null, { eligibility: yes })])).toEqual([
      '2026-03 2026-03 bonus 500.00 60000.00',
    ]);
  });

  it('takes the bonus away when it ends; an older message does not restore it', () => {
    expect(linesOf([decide(first, { eligibility: yes }), decide(null, { eligibility: no })])).toEqual([]);
    expect(
      linesOf([
        decide(first, { eligibility: yes }),
        decide(null, { eligibility: no }),
        decide(null, { eligibility: yes }),
      ]),
    ).toEqual([]);
  });

  it('does not matter before anything is measured', () => {
    expect(run(deciderOf(), [decide(null, { eligibility: yes })]).events).toEqual([]);
  });
});

describe('closing a period', () => {
  it('publishes every window with a line in it, with all lines up to the period', () => {
    const first = earnings('crm|D-1', 0, [line('60000.00')]);
    const late = earnings('crm|D-2', 1, [line('40000.00', { period: '2026-04', origin: '2026-03' })]);
    const { events } = run(deciderOf(), [decide(first), decide(late), close('2026-03'), close('2026-03')]);
    expect(events.length).toBe(3);
    expect(events[2]?.data).toMatchObject({
      period: '2026-03',
      bonuses: [
        {
          payee: 'P1',
          programme: 'volume',
          currency: 'EUR',
          calendar: 'monthly@Europe/Paris',
          window: '2026-Q1',
          lines: [{ period: '2026-03', amount: '500.00', deal: '', line: '2026-Q1', component: 'volume' }],
        },
      ],
      entry: { stream: 'bonus-P1|volume', payee: 'P1', currency: 'EUR', lines: 1, minimum: '0.00' },
    });
  });

  it('publishes nothing for a period without a line', () => {
    const { events } = run(deciderOf(), [decide(earnings('crm|D-1', 0, [line('60000.00')])), close('2026-02')]);
    expect(events.length).toBe(1);
  });
});

describe('reopening a period', () => {
  const reopen = (period: string, openFrom: string | null): BonusCommand => ({
    type: 'reopen-period',
    at: '2026-04-05T09:00:00Z',
    period,
    openFrom,
  });
  const first = earnings('crm|D-1', 0, [line('60000.00')]);
  const more = earnings('crm|D-2', 1, [line('40000.00', { period: '2026-03', origin: '2026-03' })]);
  const posted = earnings('crm|D-2', 1, [
    line('40000.00', { period: '2026-04', origin: '2026-03', kind: 'adjustment' }),
  ]);

  it('moves back what was posted after it because it was closed', () => {
    const closed = [decide(first), close('2026-03'), decide(posted, { openFrom: '2026-04' })];
    expect(linesOf(closed)).toEqual([
      '2026-03 2026-03 bonus 500.00 60000.00',
      '2026-04 2026-03 adjustment 1000.00 40000.00',
    ]);
    const moved = earnings('crm|D-2', 2, [line('40000.00', { period: '2026-03', origin: '2026-03' })]);
    const asIfNeverClosed = linesOf([decide(first), decide(more)]);
    expect(asIfNeverClosed).toEqual(['2026-03 2026-03 bonus 1500.00 100000.00']);
    const reopened = [...closed, reopen('2026-03', '2026-03'), decide(moved, { openFrom: '2026-03' })];
    expect(linesOf(reopened)).toEqual(asIfNeverClosed);
    expect(linesOf([...reopened, close('2026-03')])).toEqual(asIfNeverClosed);
  });

  it('withdraws the bonuses of the closing, once', () => {
    const { events } = run(deciderOf(), [
      decide(first),
      close('2026-03'),
      reopen('2026-03', '2026-03'),
      reopen('2026-03', '2026-03'),
    ]);
    expect(events.map(({ type }) => type)).toEqual(['BonusDecided', 'BonusPeriodClosed', 'BonusPeriodReopened']);
    expect(events[2]?.data).toMatchObject({ period: '2026-03', bonuses: [{ window: '2026-Q1', lines: [] }] });
  });

  it('leaves the lines of periods that stay closed', () => {
    const february = earnings('crm|D-1', 0, [line('60000.00')]);
    const monthly = compileProgramme(document({ measure: { ...document().measure, over: 'period' } }));
    const before = linesOf([decide(february, {}, monthly), close('2026-01')], monthly);
    expect(before.length).toBe(1);
    const all = [decide(february, {}, monthly), close('2026-01'), close('2026-02'), reopen('2026-02', '2026-02')];
    expect(linesOf(all, monthly)).toEqual(before);
  });
});

describe('a version of the bonus arithmetic', () => {
  it('decides its own events again, and no others', () => {
    const programmeOf = (hash: string) => (hash === programme.hash ? programme : undefined);
    // Test only: version 2 pays nothing.
    const engines = engineVersions('bonus', { 1: BONUS_ENGINES.of(1), 2: () => [] });
    const { events: old } = run(deciderOf(), [decide(earnings('crm|D-1', 0, [line('60000.00')]))]);
    const later = decide(earnings('crm|D-2', 1, [line('40000.00')]));
    const newest = bonusDecider(programmeOf, engines);
    const { state } = run(newest, old.map(newest.commandOf));
    expect([...state.lines.values()].flat()).toMatchObject([{ amount: '500.00' }]);
    // `run` decides every event again.
    const { events } = run(newest, [...old.map(newest.commandOf), later]);
    expect(events.map(({ data }) => ('engine' in data ? data.engine : undefined))).toEqual([1, 2]);
    expect(events[0]).toEqual(old[0]);
    expect(events[1]?.data).toMatchObject({ windows: [{ measured: '100000.00', lines: [] }] });
    expect(() => run(deciderOf(), events.map(newest.commandOf))).toThrow(EngineUnknown);
    const [, second] = events;
    if (second === undefined) throw new Error('both earnings are recorded');
    expect(() => deciderOf().evolve(deciderOf().initialState(), second)).toThrow(
      'version 2 of the bonus calculation is not in this build, which has 1',
    );
  });
});
