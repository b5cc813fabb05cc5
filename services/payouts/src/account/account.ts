/**
 * An account: what one payee is owed in one currency. It receives ledger lines from commission-calculation and rewards,
 * issues one statement per period, and carries the unpaid balance from one statement to the next.
 *
 * Balances are carried within one calendar. Periods of different calendars end at different times; if they shared a
 * balance, a statement's opening would depend on which manifest arrived first (ADR 3).
 */
import type { Exchanged, LedgerLine, ManifestEntry, PayoutTerms } from '@tantieme/contracts/ledger';
import { ledgerLinesHash, sortLedgerLines } from '@tantieme/contracts/ledger-hash';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Payment, StatementIssued, StatementWithdrawn } from '@tantieme/contracts/payout';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import type { EngineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { fullStateRequired } from '@tantieme/event-sourcing/decide/partial-state';
import type { PartialStates } from '@tantieme/event-sourcing/decide/partial-state';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';

import { groupLedgerLines, ungroupLedgerLines } from './ledger-line-groups.js';
import type { LedgerLineGroup } from './ledger-line-groups.js';
import { OpenLines } from './open-lines.js';
import { checkPayment, payoutUnknown, statementOfPayout } from './payment.js';
import type { RecordedPayment } from './payment.js';
import {
  composeStatement,
  isZero,
  parseStatementId,
  statementId,
  statementUnknown,
  statementWithdrawn,
  withoutLines,
} from './statement.js';
import type { StatementName, StatementTerms } from './statement.js';

export const ACCOUNT = 'account';

export function accountStream(payee: string, currency: string): string {
  return `${ACCOUNT}-${payee}|${currency}`;
}

/** Where lines come from: a stream of commission-calculation or rewards, at a revision. */
export interface Origin {
  readonly stream: string;
  readonly revision: number;
}

/** A manifest entry without its payee and currency, which the account implies. */
export type AccountEntry = Omit<ManifestEntry, 'payee' | 'currency'>;

export type AccountCommand =
  | {
      /** All lines that the payee has from one deal, or from one window of a programme. */
      readonly type: 'receive-ledger-lines';
      /** ISO 8601 instant at which the origin published them. */
      readonly at: string;
      readonly origin: Origin;
      /** `source|id` of the deal, or the id of the window. */
      readonly key: string;
      readonly currency: string;
      readonly calendar: string;
      readonly lines: readonly LedgerLine[];
    }
  | {
      readonly type: 'issue-statement';
      /** ISO 8601 instant at which the manifests were complete. */
      readonly at: string;
      readonly name: StatementName;
      /** In order of stream. */
      readonly entries: readonly AccountEntry[];
      /** Set for the command of a stored event: the version that decided it. */
      readonly engine?: number;
    }
  /** The period is reopened. */
  | { readonly type: 'withdraw-statement'; readonly at: string; readonly statement: string }
  | { readonly type: 'approve-statement'; readonly at: string; readonly statement: string; readonly by: string }
  | { readonly type: 'record-payment'; readonly at: string; readonly payment: Payment };

export type AccountEvent =
  | {
      readonly type: 'LedgerLinesReceived';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly origin: Origin;
        readonly key: string;
        readonly currency: string;
        readonly calendar: string;
        readonly groups: readonly LedgerLineGroup[];
      };
    }
  | {
      readonly type: 'StatementIssued';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly entries: readonly AccountEntry[];
        /** Without its lines: earlier events hold them, and the statement's hash covers them. */
        readonly statement: StatementIssued;
        /** Revision of the first event that may hold one of its lines: a reader of the statement starts there. */
        readonly linesFrom: number;
        /** The part of the opening that was earned in other currencies; absent where there is none. */
        readonly openingExchanged?: readonly Exchanged[];
        /** Version of the arithmetic. */
        readonly engine: number;
      };
    }
  | {
      readonly type: 'StatementWithdrawn';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: StatementWithdrawn;
    }
  | {
      readonly type: 'StatementApproved';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly statement: string;
        readonly payee: string;
        readonly currency: string;
        readonly calendar: string;
        readonly period: string;
        /** The amount to pay; zero if the whole balance is carried. */
        readonly payable: string;
        readonly parts?: StatementIssued['parts'];
        readonly exchanged?: readonly Exchanged[];
        readonly by: string;
      };
    }
  | {
      readonly type: 'PaymentRecorded';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: RecordedPayment;
    };

interface IssuedStatement extends Pick<StatementIssued, 'id' | 'payable' | 'parts' | 'exchanged'> {
  /** The manifest entries behind it, as canonical JSON. */
  readonly entries: string;
  /** What was carried to it, which is the balance again if it is withdrawn. */
  readonly before: CarriedBalance | undefined;
  readonly approvedBy?: string;
  /** The newest revision of its payment. */
  readonly payment?: RecordedPayment;
}

/** What the newest statement of a calendar carries. */
interface CarriedBalance {
  readonly period: string;
  readonly minor: bigint;
  /** The part of it that was earned in other currencies. */
  readonly exchanged: readonly Exchanged[];
}

export interface AccountState {
  /** Also the lines of the newest statement of a calendar, until it is approved: it may still be withdrawn. */
  readonly openLines: OpenLines;
  /** Revision of the next event. */
  nextRevision: number;
  /** Revision of the first event with a line of the period, by {@link periodKey}. */
  readonly linesFrom: Map<string, number>;
  /** By {@link periodKey}, in order of issue. */
  readonly statements: Map<string, IssuedStatement>;
  /** By calendar. */
  readonly carried: Map<string, CarriedBalance>;
  /** Ids of withdrawn statements. */
  readonly withdrawn: Set<string>;
}

type Of<Union extends { readonly type: string }, Type extends Union['type']> = Extract<Union, { readonly type: Type }>;

export const ACCOUNT_EVENTS: EventTypes<AccountEvent> = {
  LedgerLinesReceived: { version: 1, namesCause: true },
  StatementIssued: { version: 1 },
  StatementWithdrawn: { version: 1 },
  StatementApproved: { version: 1 },
  PaymentRecorded: { version: 1 },
};

/** What a statement sums up, pays and carries, from its lines, its entries and what was carried to it. */
export interface StatementEngine {
  readonly termsOf: typeof termsOf;
  readonly composeStatement: typeof composeStatement;
}

/** The versions of the statement's arithmetic. A changed rule is a new version; old events replay under theirs (ADR 23). */
export const STATEMENT_ENGINES: EngineVersions<StatementEngine> = engineVersions('statement', {
  1: { termsOf, composeStatement },
});

export function accountDecider(engines = STATEMENT_ENGINES): Decider<AccountState, AccountCommand, AccountEvent> {
  return {
    category: ACCOUNT,
    events: ACCOUNT_EVENTS,
    initialState: () => ({
      openLines: new OpenLines(),
      nextRevision: 0,
      linesFrom: new Map(),
      statements: new Map(),
      carried: new Map(),
      withdrawn: new Set(),
    }),
    decide(command, state) {
      switch (command.type) {
        case 'receive-ledger-lines':
          return receiveLedgerLines(command, state);
        case 'issue-statement':
          return issueStatement(command, state, engines);
        case 'withdraw-statement':
          return withdrawStatement(command, state);
        case 'approve-statement':
          return approveStatement(command, state);
        case 'record-payment':
          return recordPayment(command, state);
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => evolve(state, event, engines),
    commandOf,
    sizeOf: ({ openLines, statements }) => 1000 + openLines.bytes + statements.size * 400,
  };
}

export const account = accountDecider();

/**
 * A partial account has evicted its lines: it can receive new ones, approvals and payments, but issues no statement.
 */
export const ACCOUNT_PARTIAL_STATES: PartialStates<AccountState> = {
  isPartial: ({ openLines }) => openLines.isEvicted,
  canBecomePartial: () => true,
  makePartial: ({ openLines }) => openLines.evict(),
  hasGrown: () => false,
};

/** No event if this or a later revision of the key was received before. @throws {DomainError} `LedgerInvalid` */
function receiveLedgerLines(command: Of<AccountCommand, 'receive-ledger-lines'>, state: AccountState): AccountEvent[] {
  const { origin, key, currency, calendar, lines } = command;
  const isNew = state.openLines.isNew(origin.stream, key, origin.revision);
  if (isNew === undefined) throw fullStateRequired();
  if (!isNew) return [];
  for (const line of lines) checkLine(line, key, currency);
  return [
    {
      type: 'LedgerLinesReceived',
      version: 1,
      occurredAt: command.at,
      data: { origin, key, currency, calendar, groups: groupLedgerLines(key, lines) },
    },
  ];
}

function checkLine(line: LedgerLine, key: string, currency: string): void {
  if (line.deal !== '' && line.deal !== key)
    throw new DomainError('LedgerInvalid', `the lines of ${key} contain a line of another deal, ${line.deal}`);
  try {
    parseAmount(line.amount, currency);
    for (const { amount, currency: from, of } of line.exchanged ?? []) {
      parseAmount(amount, from);
      parseAmount(of, currency);
    }
  } catch (error) {
    if (error instanceof MoneyError)
      throw new DomainError('LedgerInvalid', `line ${line.line} of ${key} has an invalid amount: ${error.reason}`);
    throw error;
  }
}

/**
 * Issues the statement of a period once the account has exactly the lines that the manifests name.
 * @throws {DomainError} `LinesAwaited`, `EarlierPeriodOpen` (both: try again later), `StatementConflict`
 */
function issueStatement(
  command: Of<AccountCommand, 'issue-statement'>,
  state: AccountState,
  engines: EngineVersions<StatementEngine>,
): AccountEvent[] {
  const { name, entries, engine = engines.newest } = command;
  const { currency, calendar, period } = name;
  const { composeStatement, termsOf } = engines.of(engine);
  const id = statementId(name);
  const issued = state.statements.get(periodKey(calendar, period));
  if (issued !== undefined) {
    if (issued.id === id && issued.entries === canonicalJson(entries)) return [];
    throw new DomainError('StatementConflict', `${id} was already issued from another manifest`, 'conflict');
  }
  if (state.openLines.isEvicted) throw fullStateRequired();
  const open = state.openLines.earliestPeriodBefore(calendar, period, (one) =>
    state.statements.has(periodKey(calendar, one)),
  );
  if (open !== undefined)
    throw new DomainError('EarlierPeriodOpen', `${id} has to wait for the statement of ${open}`, 'conflict');
  const linesByStream = state.openLines.linesOf(calendar, period);
  const lines = linesOfManifest(id, entries, linesByStream);
  const carried = state.carried.get(calendar);
  const openingExchanged = carried?.exchanged ?? [];
  const linesFrom = state.linesFrom.get(periodKey(calendar, period)) ?? state.nextRevision;
  const statement = composeStatement({
    ...name,
    openingMinor: carried?.minor ?? 0n,
    openingExchanged,
    terms: termsOf(entries, linesByStream, currency),
    lines,
  });
  return [
    {
      type: 'StatementIssued',
      version: 1,
      occurredAt: command.at,
      data: omitUndefined({
        entries,
        statement: withoutLines(statement),
        linesFrom,
        openingExchanged: openingExchanged.length === 0 ? undefined : openingExchanged,
        engine,
      }),
    },
  ];
}

/** All open lines of the period. @throws {DomainError} `LinesAwaited` unless they are exactly those of the manifest */
function linesOfManifest(
  id: string,
  entries: readonly AccountEntry[],
  linesByStream: ReadonlyMap<string, readonly LedgerLine[]>,
): readonly LedgerLine[] {
  const named = new Set<string>();
  const found: LedgerLine[] = [];
  for (const entry of entries) {
    named.add(entry.stream);
    // Sorted once: the hash and the statement both need this order.
    const lines = sortLedgerLines(linesByStream.get(entry.stream) ?? []);
    if (lines.length !== entry.lines || ledgerLinesHash(lines) !== entry.hash)
      throw new DomainError('LinesAwaited', `${id} has to wait for lines of ${entry.stream}`, 'conflict');
    for (const line of lines) found.push(line);
  }
  for (const stream of linesByStream.keys())
    if (!named.has(stream))
      throw new DomainError(
        'LinesAwaited',
        `${id} has to wait: no manifest names ${stream}, which has open lines`,
        'conflict',
      );
  return found;
}

/**
 * The terms of a statement. Several plans may pay into one account: the largest of their minimums applies, so that no
 * plan pays less than its own minimum. A negative balance is written off only if every plan forgives it. Lines are
 * summed by the payout terms of their plan.
 */
function termsOf(
  entries: readonly AccountEntry[],
  linesByStream: ReadonlyMap<string, readonly LedgerLine[]>,
  currency: string,
): StatementTerms {
  let minimumMinor = 0n;
  const parts = new Map<string, PayoutTerms & { totalMinor: bigint }>();
  for (const { stream, minimum, as, tax } of entries) {
    const minor = parseAmount(minimum, currency);
    if (minor > minimumMinor) minimumMinor = minor;
    if (as === undefined && tax === undefined) continue;
    const name = `${as ?? ''} ${tax ?? ''}`;
    const part = parts.get(name) ?? { ...omitUndefined({ as, tax }), totalMinor: 0n };
    parts.set(name, part);
    for (const { amount } of linesByStream.get(stream) ?? []) part.totalMinor += parseAmount(amount, currency);
  }
  return {
    minimumMinor,
    forgives: entries.length > 0 && entries.every(({ negative }) => negative === 'forgive'),
    parts: [...parts.keys()].sort().flatMap((name) => {
      const { totalMinor, ...terms } = parts.get(name) ?? { totalMinor: 0n };
      return [{ ...terms, total: formatAmount(totalMinor, currency) }];
    }),
  };
}

/** The statement with this id; undefined if it was never issued, or withdrawn. */
function findStatement({ statements }: AccountState, id: string): IssuedStatement | undefined {
  const name = parseStatementId(id);
  const statement = name && statements.get(periodKey(name.calendar, name.period));
  return statement?.id === id ? statement : undefined;
}

/** No event if the statement is withdrawn already. @throws {DomainError} `StatementUnknown`, `StatementApproved` */
function withdrawStatement(command: Of<AccountCommand, 'withdraw-statement'>, state: AccountState): AccountEvent[] {
  const { at, statement: id } = command;
  if (state.withdrawn.has(id)) return [];
  const name = parseStatementId(id);
  const statement = findStatement(state, id);
  if (statement === undefined || name === undefined) throw statementUnknown(id);
  if (statement.approvedBy !== undefined)
    throw new DomainError('StatementApproved', `${id} is approved, so its period stays closed`, 'conflict');
  const { payee, currency, calendar, period } = name;
  const carried = formatAmount(statement.before?.minor ?? 0n, currency);
  const data = { statement: id, payee, currency, calendar, period, carried, carriedFrom: statement.before?.period };
  return [{ type: 'StatementWithdrawn', version: 1, occurredAt: at, data: omitUndefined(data) }];
}

/** @throws {DomainError} `StatementUnknown`, `StatementWithdrawn` */
export function assertIssued(state: AccountState, id: string): IssuedStatement {
  if (state.withdrawn.has(id)) throw statementWithdrawn(id);
  const statement = findStatement(state, id);
  if (statement === undefined) throw statementUnknown(id);
  return statement;
}

/** @throws {DomainError} `StatementUnknown`, `StatementWithdrawn` */
function approveStatement(command: Of<AccountCommand, 'approve-statement'>, state: AccountState): AccountEvent[] {
  const { statement: id, at, by } = command;
  const statement = assertIssued(state, id);
  const name = parseStatementId(id);
  if (name === undefined) throw statementUnknown(id);
  if (statement.approvedBy !== undefined) return [];
  const { payee, currency, calendar, period } = name;
  const { payable, parts, exchanged } = statement;
  return [
    {
      type: 'StatementApproved',
      version: 1,
      occurredAt: at,
      data: omitUndefined({ statement: id, payee, currency, calendar, period, payable, parts, exchanged, by }),
    },
  ];
}

/** @throws {DomainError} `PayoutUnknown`, `PaymentConflict`, `PaymentInvalid` */
function recordPayment({ at, payment }: Of<AccountCommand, 'record-payment'>, state: AccountState): AccountEvent[] {
  const { id, payee, currency, period } = statementOfPayout(payment.payout);
  const statement = findStatement(state, id);
  if (statement?.approvedBy === undefined || isZero(statement.payable)) throw payoutUnknown(payment.payout);
  const { payable, exchanged = [] } = statement;
  const checked = checkPayment(payment, { amount: payable, currency, exchanged }, statement.payment?.payment);
  if (!checked.isNew) return [];
  const data = omitUndefined({ payment, statement: id, payee, period, difference: checked.difference });
  return [{ type: 'PaymentRecorded', version: 1, occurredAt: at, data }];
}

function evolve(state: AccountState, event: AccountEvent, engines: EngineVersions<StatementEngine>): AccountState {
  const revision = state.nextRevision;
  state.nextRevision += 1;
  switch (event.type) {
    case 'LedgerLinesReceived': {
      const { origin, key, calendar, groups } = event.data;
      const lines = ungroupLedgerLines(key, groups);
      // A message holds the whole deal, including lines of earlier statements, which never change: skip those.
      const open =
        state.statements.size === 0 ? lines : lines.filter(({ period }) => mayStillCount(state, calendar, period));
      for (const period of new Set(open.map((line) => line.period))) {
        const ofPeriod = periodKey(calendar, period);
        if (!state.linesFrom.has(ofPeriod)) state.linesFrom.set(ofPeriod, revision);
      }
      state.openLines.replace(origin.stream, key, origin.revision, calendar, open);
      return state;
    }
    case 'StatementIssued': {
      const { entries, statement, engine } = event.data;
      // A balance that a newer arithmetic made is none that this build can carry on.
      engines.of(engine);
      const { id, payable, parts, exchanged, forgiven, carried, calendar, period, currency } = statement;
      const before = state.carried.get(calendar);
      // Only the last closing of a calendar can be reopened.
      if (before !== undefined && mayStillCount(state, calendar, before.period))
        state.openLines.remove(calendar, before.period);
      state.statements.set(periodKey(calendar, period), {
        ...omitUndefined({ id, payable, parts, exchanged, entries: canonicalJson(entries) }),
        before,
      });
      // A payout or a write-off clears the whole balance, whatever the signs of its parts.
      const isCleared = !isZero(payable) || forgiven !== undefined;
      const minor = parseAmount(carried, currency);
      state.carried.set(calendar, { period, minor, exchanged: isCleared ? [] : (exchanged ?? []) });
      return state;
    }
    case 'StatementWithdrawn': {
      const { statement: id, calendar, period } = event.data;
      const before = state.statements.get(periodKey(calendar, period))?.before;
      state.statements.delete(periodKey(calendar, period));
      if (before === undefined) state.carried.delete(calendar);
      else state.carried.set(calendar, before);
      state.withdrawn.add(id);
      return state;
    }
    case 'StatementApproved': {
      const { calendar, period, by } = event.data;
      updateStatement(state, periodKey(calendar, period), { approvedBy: by });
      state.openLines.remove(calendar, period);
      return state;
    }
    case 'PaymentRecorded': {
      const name = parseStatementId(event.data.statement);
      if (name !== undefined) updateStatement(state, periodKey(name.calendar, name.period), { payment: event.data });
      return state;
    }
    default:
      return event satisfies never;
  }
}

/** False for lines of a period whose statement stays: it is approved, or not the newest of its calendar. */
function mayStillCount({ statements, carried }: AccountState, calendar: string, period: string): boolean {
  const statement = statements.get(periodKey(calendar, period));
  if (statement === undefined) return true;
  return statement.approvedBy === undefined && carried.get(calendar)?.period === period;
}

function updateStatement({ statements }: AccountState, key: string, change: Partial<IssuedStatement>): void {
  const statement = statements.get(key);
  if (statement !== undefined) statements.set(key, { ...statement, ...change });
}

function commandOf(event: AccountEvent): AccountCommand {
  const at = event.occurredAt;
  switch (event.type) {
    case 'LedgerLinesReceived': {
      const { groups, ...received } = event.data;
      return { type: 'receive-ledger-lines', at, ...received, lines: ungroupLedgerLines(received.key, groups) };
    }
    case 'StatementIssued': {
      const { entries, statement, engine } = event.data;
      const name = parseStatementId(statement.id);
      if (name === undefined) throw statementUnknown(statement.id);
      return { type: 'issue-statement', at, name, entries, engine };
    }
    case 'StatementWithdrawn':
      return { type: 'withdraw-statement', at, statement: event.data.statement };
    case 'StatementApproved':
      return { type: 'approve-statement', at, statement: event.data.statement, by: event.data.by };
    case 'PaymentRecorded':
      return { type: 'record-payment', at, payment: event.data.payment };
    default:
      return event satisfies never;
  }
}

/** `calendar|period`: the key of a statement within its account. */
export function periodKey(calendar: string, period: string): string {
  return `${calendar}|${period}`;
}
