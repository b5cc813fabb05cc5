/**
 * What must hold in the log of the simulated world: after every step, and once nothing is left to do. Each event is read
 * once; the state kept here is as small as the history of a scenario.
 */
import {
  CALENDAR as CALENDARS,
  CALENDAR_EVENTS,
  calendarOfStream,
} from '@tantieme/commission-calculation/calendar/calendar';
import type { CalendarEvent } from '@tantieme/commission-calculation/calendar/calendar';
import { BUDGET, BUDGET_EVENTS } from '@tantieme/commission-calculation/budget/budget';
import type { BudgetEvent } from '@tantieme/commission-calculation/budget/budget';
import { CREDIT, CREDIT_EVENTS, dealOfStream } from '@tantieme/commission-calculation/credit/credit';
import type { CreditEvent } from '@tantieme/commission-calculation/credit/credit';
import { EARNING, earningStream, payeePlanOf } from '@tantieme/commission-calculation/earning/earning-stream';
import { dealPostings, EARNING_EVENTS } from '@tantieme/commission-calculation/earning/earning-events';
import type { EarningEvent } from '@tantieme/commission-calculation/earning/earning-events';
import { dealDecider } from '@tantieme/deal-ingestion/deal/deal';
import type { DealFactRecorded } from '@tantieme/deal-ingestion/deal/deal';
import { identityOf } from '@tantieme/deal-ingestion/deal/deal-fact';
import { refusalDecider } from '@tantieme/deal-ingestion/refusal/refusal';
import type { RefusalEvent } from '@tantieme/deal-ingestion/refusal/refusal';
import { eventHash, FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { PARKED, PARKED_EVENTS } from '@tantieme/event-sourcing/parking/parked';
import type { ParkedEvent } from '@tantieme/event-sourcing/parking/parked';
import { parseAmount } from '@tantieme/money/amount';
import { ACCOUNT, ACCOUNT_EVENTS } from '@tantieme/payouts/account/account';
import type { AccountEvent } from '@tantieme/payouts/account/account';
import { STATEMENT_RUN } from '@tantieme/payouts/statement-run/statement-run';
import { BONUS, BONUS_EVENTS } from '@tantieme/rewards/bonus/bonus';
import type { BonusEvent } from '@tantieme/rewards/bonus/bonus';
import {
  REWARDS_CALENDAR,
  REWARDS_CALENDAR_EVENTS,
  REWARDS_PERIOD,
  REWARDS_PERIOD_EVENTS,
} from '@tantieme/rewards/period/period';
import type { CalendarEvent as RewardsCalendarEvent, PeriodEvent } from '@tantieme/rewards/period/period';
import { isSamePerson, PROPOSAL, PROPOSAL_EVENTS } from '@tantieme/service-kit/two-people/proposal';
import type { ProposalEvent } from '@tantieme/service-kit/two-people/proposal';
import type { SimulatedLog } from '@tantieme/simulation/event-store';

import { CALENDAR } from './scenario.js';

/** All lines of a deal, or of a window of a programme, that a stream has posted. */
interface Posted {
  readonly revision: number;
  /** Minor units by period. */
  readonly minor: ReadonlyMap<string, bigint>;
}

interface Lines {
  readonly stream: string;
  readonly key: string;
  readonly revision: number;
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  readonly lines: readonly { readonly period: string; readonly amount: string }[];
}

/** The newest crediting of a deal. */
interface Crediting {
  readonly origin: number;
  readonly number: number;
  /** Number of the newest credit by earning stream, of those who are credited. */
  readonly credited: ReadonlySet<string>;
}

export class Invariants {
  private read = 0;
  private violations: string[] = [];
  private readonly heads = new Map<string, string>();
  /** Newest revision by stream of a deal. */
  private readonly deals = new Map<string, number>();
  private readonly identities = new Set<string>();
  private readonly refused = new Set<string>();
  private readonly creditings = new Map<string, Crediting>();
  /** Newest crediting number by earning stream and deal: as credited, and as earned. */
  private readonly credited = new Map<string, number>();
  private readonly earned = new Map<string, number>();
  /** By stream and key: as posted, and the revision that accounts have received. */
  private readonly posted = new Map<string, Posted>();
  private readonly received = new Map<string, number>();
  /** Minor units posted by statement. */
  private readonly due = new Map<string, bigint>();
  /** By id without the number of the closing. */
  private readonly statements = new Map<
    string,
    { readonly id: string; readonly payable: string; isApproved: boolean }
  >();
  private readonly statementIds = new Set<string>();
  private readonly payments = new Map<string, number>();
  /** By payee, currency and calendar. */
  private readonly carried = new Map<string, string>();
  /** Closed periods by author of lines and calendar; what has begun to close or reopen and has not finished. */
  private readonly closed = new Map<string, string[]>();
  private readonly closing = new Set<string>();
  /** Number of the newest closing by calendar and period. */
  private readonly closings = new Map<string, number>();
  /** What each stream has closed itself ends before this period. */
  private readonly openFrom = new Map<string, string>();
  /** Newest revision by stream and what it is about: older ones must not count again. */
  private readonly inputs = new Map<string, number>();
  private readonly parked = new Set<string>();
  /** The proposer, and whether the action is confirmed but not carried out. */
  private readonly proposals = new Map<string, { readonly by: string; isPending: boolean }>();

  constructor(private readonly log: SimulatedLog) {}

  /** Checks the events since the last call. @returns what is wrong */
  afterStep(): readonly string[] {
    if (this.read === this.log.events.length) return [];
    this.violations = [];
    for (const event of this.log.events.slice(this.read)) {
      this.checkChain(event);
      this.check(event);
    }
    this.read = this.log.events.length;
    return this.violations;
  }

  /** @param facts different facts that were sent @returns what is wrong once nothing is left to do */
  atTheEnd(facts: number): readonly string[] {
    this.violations = [];
    const outcomes = this.identities.size + this.refused.size;
    this.must(outcomes === facts, `${facts} facts were sent, and ${outcomes} have an outcome`);
    for (const [stream, revision] of this.deals)
      this.must(this.creditings.get(stream)?.origin === revision, `${stream} has no outcome`);
    for (const [name, number] of this.credited)
      this.must(this.earned.get(name) === number, `credit ${number} of ${name} was never earned`);
    for (const [name, { revision }] of this.posted)
      if (name.startsWith(EARNING))
        this.must(this.received.get(name) === revision, `${name} never reached its account`);
    for (const [id, minor] of this.due) {
      const [payee, currency, calendar = '', period = ''] = id.split('|');
      if (this.isClosed(EARNING, calendar, period))
        this.must(minor === 0n || this.statements.has(id), `${payee} has ${minor} ${currency} on no statement`);
    }
    for (const [id, { isApproved }] of this.statements) this.must(isApproved, `${id} was never approved`);
    for (const one of this.closing) this.must(false, `the closing of ${one} never ended`);
    for (const one of this.parked) this.must(false, `${one} is still parked`);
    for (const [id, { isPending }] of this.proposals) this.must(!isPending, `${id} was never carried out`);
    return this.violations;
  }

  private must(holds: boolean, violation: string): void {
    if (!holds) this.violations.push(violation);
  }

  private checkChain(event: StoredEvent): void {
    const hash = eventHash(this.heads.get(event.stream) ?? FIRST_PREDECESSOR, event);
    this.heads.set(event.stream, event.hash);
    this.must(hash === event.hash, `the chain of ${event.stream} breaks at ${event.revision}`);
  }

  private check(stored: StoredEvent): void {
    switch (categoryOf(stored.stream)) {
      case dealDecider.category:
        return this.checkFact(stored, domainEventOf<DealFactRecorded>(stored, dealDecider.events));
      case refusalDecider.category:
        return this.checkRefusal(stored, domainEventOf<RefusalEvent>(stored, refusalDecider.events));
      case CREDIT:
        return this.checkCredit(stored, domainEventOf<CreditEvent>(stored, CREDIT_EVENTS));
      case EARNING:
        return this.checkEarning(stored, domainEventOf<EarningEvent>(stored, EARNING_EVENTS));
      case BONUS:
        return this.checkBonus(stored, domainEventOf<BonusEvent>(stored, BONUS_EVENTS));
      case CALENDARS:
        return this.checkClosing(stored, domainEventOf<CalendarEvent>(stored, CALENDAR_EVENTS));
      case REWARDS_CALENDAR: {
        const { type, data } = domainEventOf<RewardsCalendarEvent>(stored, REWARDS_CALENDAR_EVENTS);
        if (type === 'RewardsPeriodUnsealed') this.closed.get(`${BONUS} ${data.calendar}`)?.pop();
        return;
      }
      case REWARDS_PERIOD: {
        const { type, data } = domainEventOf<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
        if (type === 'RewardsPeriodClosed') this.close(BONUS, data.calendar, data.period);
        return;
      }
      case BUDGET: {
        const { type, data } = domainEventOf<BudgetEvent>(stored, BUDGET_EVENTS);
        if (type === 'ClaimsReceived')
          this.isNewer(stored.stream, `${data.input.payee} ${data.input.deal}`, data.input.revision);
        return;
      }
      case STATEMENT_RUN:
        if (stored.type === 'StatementRunFinished') this.closing.delete(stored.stream.slice(STATEMENT_RUN.length + 1));
        return;
      case ACCOUNT:
        return this.checkAccount(stored, domainEventOf<AccountEvent>(stored, ACCOUNT_EVENTS));
      case PARKED:
        return this.checkParked(stored, domainEventOf<ParkedEvent>(stored, PARKED_EVENTS));
      case PROPOSAL:
        return this.checkProposal(stored, domainEventOf<ProposalEvent>(stored, PROPOSAL_EVENTS));
      default:
    }
  }

  private checkFact({ stream, revision }: StoredEvent, { data: { fact, hash } }: DealFactRecorded): void {
    const identity = `${stream} ${identityOf(fact, hash)}`;
    this.must(!this.identities.has(identity), `${identity} is recorded twice`);
    this.identities.add(identity);
    this.deals.set(`${CREDIT}-${stream.slice(dealDecider.category.length + 1)}`, revision);
  }

  private checkRefusal({ stream }: StoredEvent, { type }: RefusalEvent): void {
    if (type !== 'FactRefused') return;
    this.must(!this.refused.has(stream), `${stream} is refused twice`);
    this.refused.add(stream);
  }

  /** A deal is credited to somebody, or there is a reason why not; never both. */
  private checkCredit({ stream }: StoredEvent, { type, data }: CreditEvent): void {
    if (type !== 'DealCredited') return;
    const before = this.creditings.get(stream);
    const { input, number, credits, uncredited = [], pending = [] } = data;
    const origin = input.origin?.revision ?? before?.origin ?? -1;
    this.must(number === (before?.number ?? 0) + 1, `${stream} has the number ${number} after ${before?.number ?? 0}`);
    if (input.origin !== undefined) this.isNewer(stream, 'origin', input.origin.revision);
    this.must(origin <= (this.deals.get(stream) ?? -1), `${stream} is about a fact that was never recorded`);
    const credited = new Set(before?.credited);
    for (const { payee, plan, groups } of credits) {
      const name = earningStream(payee, plan);
      if (groups.length === 0) credited.delete(name);
      else credited.add(name);
      this.credited.set(`${name} ${dealOfStream(stream)}`, number);
    }
    const reasons = uncredited.map(({ code }) => code);
    this.must(
      credited.size > 0 !== reasons.length > 0,
      `${stream} is credited to ${credited.size}, reasons: ${reasons.join()}`,
    );
    this.must(!reasons.includes('Pending') || pending.length > 0, `${stream} waits for nothing`);
    this.creditings.set(stream, { origin, number, credited });
  }

  private checkEarning({ stream, revision }: StoredEvent, event: EarningEvent): void {
    const { payee } = payeePlanOf(stream);
    const { currency, calendar } = event.data;
    if (event.type === 'Earned') {
      const { deal, number } = event.data.input;
      const name = `${stream} ${deal}`;
      this.must(number > (this.earned.get(name) ?? 0), `${name} has earned credit ${number} before`);
      this.must(number <= (this.credited.get(name) ?? 0), `${name} has earned a credit that does not exist`);
      this.earned.set(name, number);
    } else if (event.type === 'ChildEarningReceived') {
      const { deal, child, revision: of } = event.data.input;
      this.isNewer(stream, `${deal} ${child}`, of);
    } else if (event.type === 'GrantReceived') {
      const { deal, component, revision: of } = event.data.input;
      this.isNewer(stream, `${deal} ${component}`, of);
    } else if (event.type === 'EarningPeriodReopened') this.openFrom.set(stream, event.data.input.openFrom ?? '');
    for (const { deal, lines } of dealPostings(event))
      this.post({ stream, key: deal, revision, payee, currency, calendar, lines }, EARNING);
    if (event.type === 'EarningPeriodClosed') this.openFrom.set(stream, `${event.data.period}~`);
  }

  /** Programmes of all scenarios have the same calendar. */
  private checkBonus({ stream, revision }: StoredEvent, { type, data }: BonusEvent): void {
    if (type === 'BonusPeriodClosed') this.openFrom.set(stream, `${data.period}~`);
    if (type === 'BonusPeriodClosed') return;
    if (type === 'BonusPeriodReopened') this.openFrom.set(stream, data.openFrom ?? '');
    for (const { window, lines } of data.windows)
      this.post(
        { stream, key: window, revision, payee: data.payee, currency: 'EUR', calendar: CALENDAR, lines },
        BONUS,
      );
  }

  /** Nothing changes in a closed period, nor on a statement that was issued. */
  private post({ stream, key, revision, payee, currency, calendar, lines }: Lines, author: string): void {
    const minor = new Map<string, bigint>();
    for (const { period, amount } of lines)
      minor.set(period, (minor.get(period) ?? 0n) + parseAmount(amount, currency));
    const before = this.posted.get(`${stream} ${key}`)?.minor ?? new Map<string, bigint>();
    this.posted.set(`${stream} ${key}`, { revision, minor });
    for (const period of new Set([...before.keys(), ...minor.keys()])) {
      const change = (minor.get(period) ?? 0n) - (before.get(period) ?? 0n);
      if (change === 0n) continue;
      const id = `${payee}|${currency}|${calendar}|${period}`;
      this.must(!this.isClosed(author, calendar, period), `${stream} posts ${key} in closed ${period}`);
      this.must(
        period >= (this.openFrom.get(stream) ?? ''),
        `${stream} posts ${key} in ${period}, which it has closed`,
      );
      this.must(!this.statements.has(id), `${stream} posts ${key} after ${id} was issued`);
      this.due.set(id, (this.due.get(id) ?? 0n) + change);
    }
  }

  private checkClosing({ stream }: StoredEvent, { type, data }: CalendarEvent): void {
    const calendar = calendarOfStream(stream);
    const { period } = data;
    const parts = [`${EARNING} ${calendar}|${period}`, `${BONUS} ${calendar}|${period}`, `${calendar}:${period}`];
    switch (type) {
      case 'PeriodClosing':
        this.must(!isSamePerson(data.by, data.confirmedBy), `${data.by} alone closes ${period}`);
        this.must(data.force !== undefined || this.parked.size === 0, `${period} closes with a parked item`);
        this.must(
          data.closing === (this.closings.get(`${calendar}|${period}`) ?? 0) + 1,
          `${period} closes as number ${data.closing}`,
        );
        this.closings.set(`${calendar}|${period}`, data.closing);
        for (const part of parts) this.closing.add(part);
        return;
      case 'PeriodFinished':
        return this.close(EARNING, calendar, period);
      case 'PeriodReopening':
        this.must(!isSamePerson(data.by, data.confirmedBy), `${data.by} alone reopens ${period}`);
        for (const part of parts) this.closing.delete(part);
        this.closing.add(`reopened ${calendar}|${period}`);
        return;
      case 'PeriodUnsealed':
        this.closed.get(`${EARNING} ${calendar}`)?.pop();
        for (const [id, { isApproved }] of this.statements)
          this.must(
            !id.endsWith(`|${calendar}|${period}`),
            `${period} is open, and has ${id}, approved: ${isApproved}`,
          );
        return;
      case 'PeriodReopened':
      case 'ReopeningRefused':
        this.closing.delete(`reopened ${calendar}|${period}`);
        return;
      default:
    }
  }

  private close(author: string, calendar: string, period: string): void {
    this.closing.delete(`${author} ${calendar}|${period}`);
    const name = `${author} ${calendar}`;
    this.closed.set(name, [...(this.closed.get(name) ?? []), period]);
  }

  private isClosed(author: string, calendar: string, period: string): boolean {
    return period <= (this.closed.get(`${author} ${calendar}`)?.at(-1) ?? '');
  }

  /** A message that was received before, or an older one, is no input. */
  private isNewer(stream: string, about: string, revision: number): void {
    const name = `${stream} ${about}`;
    this.must(revision > (this.inputs.get(name) ?? -1), `${name} counts again as of ${revision}`);
    this.inputs.set(name, revision);
  }

  private checkAccount({ stream }: StoredEvent, { type, data }: AccountEvent): void {
    switch (type) {
      case 'LedgerLinesReceived': {
        const { origin, key } = data;
        const name = `${origin.stream} ${key}`;
        this.must(
          origin.revision > (this.received.get(name) ?? -1),
          `${stream} receives ${name} ${origin.revision} again`,
        );
        this.must(this.posted.has(name), `${stream} receives ${name}, which nobody posted`);
        this.received.set(name, origin.revision);
        return;
      }
      case 'StatementIssued': {
        const { payee, currency, calendar, period, opening, total, forgiven = '0', payable, carried } = data.statement;
        const id = `${payee}|${currency}|${calendar}|${period}`;
        const closing = this.closings.get(`${calendar}|${period}`) ?? 0;
        this.must(data.statement.id === `${id}${closing === 1 ? '' : `~${closing}`}`, `${id} is of closing ${closing}`);
        this.must(!this.statementIds.has(data.statement.id), `the id ${data.statement.id} comes again`);
        this.statementIds.add(data.statement.id);
        const account = `${payee}|${currency}|${calendar}`;
        const minor = (amount: string): bigint => parseAmount(amount, currency);
        this.must(!this.statements.has(id), `${id} is issued twice`);
        this.statements.set(id, { id: data.statement.id, payable, isApproved: false });
        this.must(
          minor(total) === (this.due.get(id) ?? 0n),
          `${id} has ${total}, posted are ${this.due.get(id) ?? 0n}`,
        );
        this.must(minor(opening) === minor(this.carried.get(account) ?? '0'), `${id} begins with ${opening}`);
        this.must(
          minor(opening) + minor(total) + minor(forgiven) === minor(payable) + minor(carried),
          `${id}: ${opening} + ${total} + ${forgiven} is not ${payable} + ${carried}`,
        );
        this.carried.set(account, carried);
        return;
      }
      case 'StatementWithdrawn': {
        const { statement, payee, currency, calendar, carried } = data;
        this.must(this.statementOf(statement)?.isApproved === false, `${statement} is withdrawn after its approval`);
        this.statements.delete(withoutClosing(statement));
        this.carried.set(`${payee}|${currency}|${calendar}`, carried);
        return;
      }
      case 'StatementApproved': {
        const statement = this.statementOf(data.statement);
        this.must(statement !== undefined, `${data.statement} is approved but was never issued`);
        this.must(statement?.isApproved !== true, `${data.statement} is paid twice`);
        this.must(statement?.payable === data.payable, `${data.statement} pays ${data.payable}`);
        if (statement !== undefined) statement.isApproved = true;
        return;
      }
      case 'PaymentRecorded': {
        const { statement, payment } = data;
        const { revision = 0 } = payment;
        this.must(this.statementOf(statement)?.isApproved === true, `${statement} is paid without an approval`);
        this.must(revision > (this.payments.get(statement) ?? -1), `${statement} has payment ${revision} again`);
        this.payments.set(statement, revision);
        return;
      }
      default:
        data satisfies never;
    }
  }

  /** The statement that is in force, if it has this id. */
  private statementOf(id: string): { readonly payable: string; isApproved: boolean } | undefined {
    const statement = this.statements.get(withoutClosing(id));
    return statement?.id === id ? statement : undefined;
  }

  private checkParked({ stream }: StoredEvent, { type, data }: ParkedEvent): void {
    const isClosed = type === 'ParkedItemDiscarded' || (type === 'ParkedRetryAnswered' && data.reason === null);
    if (isClosed) this.parked.delete(stream);
    else this.parked.add(stream);
  }

  private checkProposal({ stream }: StoredEvent, { type, data }: ProposalEvent): void {
    const proposal = this.proposals.get(stream);
    if (type === 'Proposed') this.proposals.set(stream, { by: data.by, isPending: false });
    else if (type === 'ProposalConfirmed') {
      this.must(proposal !== undefined && !isSamePerson(proposal.by, data.by), `${data.by} alone decides ${stream}`);
      if (proposal !== undefined) proposal.isPending = true;
    } else if (proposal !== undefined) proposal.isPending = false;
  }
}

/** The id of the statement that the first closing issued. */
function withoutClosing(id: string): string {
  return id.replace(/~\d+$/, '');
}
