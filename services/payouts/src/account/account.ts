/**
 * An account: what one payee is owed in one currency. It takes the ledger of commissions and rewards, issues a statement
 * a period, and keeps the balance that a statement carries to the next.
 *
 * A balance is carried from period to period of one calendar: periods of different calendars end at different times, and
 * a statement whose opening depended on which of them was settled first would depend on the order of arrival.
 */
import type { Exchanged, LedgerLine, ManifestEntry, PayoutTerms } from '@tantieme/contracts/ledger';
import { ledgerLinesHash, sortLedgerLines } from '@tantieme/contracts/ledger-hash';
import type { Payment, StatementIssued } from '@tantieme/contracts/payout';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { fullStateRequired } from '@tantieme/event-sourcing/decide/partial-state';
import type { PartialStates } from '@tantieme/event-sourcing/decide/partial-state';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';

import { HeldLines } from './held-lines.js';
import { payoutUnknown, statementOfPayout, takePayment } from '../payout/payment.js';
import type { TakenPayment } from '../payout/payment.js';
import { composeStatement, parseStatementId, statementId, withoutLines } from '../statement/statement.js';
import type { AccountTerms } from '../statement/statement.js';

export const ACCOUNT = 'account';

export function accountStream(payee: string, currency: string): string {
  return `${ACCOUNT}-${payee}|${currency}`;
}

/** Where lines come from: a stream of commission-calculation or rewards, at a revision. */
export interface Origin {
  readonly stream: string;
  readonly revision: number;
}

/** What a manifest says of one origin stream of this account. */
export type AccountEntry = Omit<ManifestEntry, 'payee' | 'currency'>;

export type AccountCommand =
  | {
      /** All that the payee has from one deal (or one window of a programme), whole. */
      readonly type: 'take-ledger';
      /** ISO 8601 instant at which the origin said it. */
      readonly at: string;
      readonly origin: Origin;
      /** `source|id` of the deal, or the window. */
      readonly key: string;
      readonly currency: string;
      readonly calendar: string;
      readonly lines: readonly LedgerLine[];
    }
  | {
      readonly type: 'issue-statement';
      /** ISO 8601 instant at which the manifests were complete. */
      readonly at: string;
      readonly payee: string;
      readonly currency: string;
      readonly calendar: string;
      readonly period: string;
      /** In order of stream. */
      readonly entries: readonly AccountEntry[];
    }
  | { readonly type: 'approve-statement'; readonly at: string; readonly statement: string; readonly by: string }
  /** What finance answers to a payout. */
  | { readonly type: 'take-payment'; readonly at: string; readonly payment: Payment };

export type AccountEvent =
  | {
      readonly type: 'LedgerTaken';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly origin: Origin;
        readonly key: string;
        readonly currency: string;
        readonly calendar: string;
        readonly lines: readonly LedgerLine[];
      };
    }
  | {
      readonly type: 'StatementIssued';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly entries: readonly AccountEntry[];
        /** Without its lines: they are in the events before, and its hash covers them. */
        readonly statement: StatementIssued;
      };
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
        /** What is to be paid; zero where all is carried. */
        readonly payable: string;
        readonly parts?: StatementIssued['parts'];
        readonly exchanged?: readonly Exchanged[];
        readonly by: string;
      };
    }
  | {
      readonly type: 'PaymentTaken';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: TakenPayment;
    };

interface IssuedStatement extends Pick<StatementIssued, 'payable' | 'parts' | 'exchanged'> {
  /** The manifest entries behind it, as canonical text. */
  readonly entries: string;
  readonly approvedBy?: string;
  /** The newest that is known. */
  readonly paid?: TakenPayment;
}

export interface AccountState {
  readonly held: HeldLines;
  /** By `calendar|period`, in order of issue. */
  readonly statements: Map<string, IssuedStatement>;
  /** Minor units carried from the newest statement, by calendar. */
  readonly carriedMinor: Map<string, bigint>;
  /** What of it was earned in other currencies, by calendar. */
  readonly carriedExchanged: Map<string, readonly Exchanged[]>;
}

type Of<Union extends { readonly type: string }, Type extends Union['type']> = Extract<Union, { readonly type: Type }>;

export const account: Decider<AccountState, AccountCommand, AccountEvent> = {
  category: ACCOUNT,
  initialState: () => ({
    held: new HeldLines(),
    statements: new Map(),
    carriedMinor: new Map(),
    carriedExchanged: new Map(),
  }),
  decide(command, state) {
    switch (command.type) {
      case 'take-ledger':
        return takeLedger(command, state);
      case 'issue-statement':
        return issueStatement(command, state);
      case 'approve-statement':
        return approveStatement(command, state);
      case 'take-payment':
        return decidePayment(command, state);
      default:
        return command satisfies never;
    }
  },
  evolve,
  commandOf,
  sizeOf: ({ held, statements }) => 1000 + held.bytes + statements.size * 400,
};

/** A tail takes what is new, and approvals and payments; only the statements need the lines. */
export const ACCOUNT_TAILS: PartialStates<AccountState> = {
  isPartial: ({ held }) => !held.isWhole,
  canBecomePartial: () => true,
  makePartial: ({ held }) => held.forget(),
  hasGrown: () => false,
};

/** Nothing new where this revision of the key, or a later one, is held. @throws {DomainError} `LedgerInvalid` */
function takeLedger(command: Of<AccountCommand, 'take-ledger'>, state: AccountState): AccountEvent[] {
  const { origin, key, currency, calendar, lines } = command;
  const isNew = state.held.isNew(origin.stream, key, origin.revision);
  if (isNew === undefined) throw fullStateRequired();
  if (!isNew) return [];
  for (const line of lines) checkLine(line, key, currency);
  return [
    {
      type: 'LedgerTaken',
      version: 1,
      occurredAt: command.at,
      data: { origin, key, currency, calendar, lines },
    },
  ];
}

function checkLine(line: LedgerLine, key: string, currency: string): void {
  if (line.deal !== '' && line.deal !== key)
    throw new DomainError('LedgerInvalid', `a line of the deal ${line.deal} came with ${key}`);
  try {
    parseAmount(line.amount, currency);
    for (const { amount, currency: from, of } of line.exchanged ?? []) {
      parseAmount(amount, from);
      parseAmount(of, currency);
    }
  } catch (error) {
    if (error instanceof MoneyError)
      throw new DomainError('LedgerInvalid', `an amount of line ${line.line} of ${key}: ${error.reason}`);
    throw error;
  }
}

/**
 * The statement of a period, once exactly the lines are held that the manifests name.
 * @throws {DomainError} `LinesAwaited`, `EarlierPeriodOpen` (both: try again later), `StatementConflict`
 */
function issueStatement(command: Of<AccountCommand, 'issue-statement'>, state: AccountState): AccountEvent[] {
  const { payee, currency, calendar, period, entries } = command;
  const id = statementId(payee, currency, calendar, period);
  const issued = state.statements.get(periodKey(calendar, period));
  if (issued !== undefined) {
    if (issued.entries === canonicalJson(entries)) return [];
    throw new DomainError('StatementConflict', `${id} was issued for another manifest`, 'conflict');
  }
  if (!state.held.isWhole) throw fullStateRequired();
  const open = state.held.openBefore(calendar, period);
  if (open !== undefined)
    throw new DomainError('EarlierPeriodOpen', `${id} waits for the statement of ${open}`, 'conflict');
  const held = state.held.linesOf(calendar, period);
  const lines = linesOfManifest(id, entries, held);
  const statement = composeStatement({
    payee,
    currency,
    calendar,
    period,
    openingMinor: state.carriedMinor.get(calendar) ?? 0n,
    openingExchanged: state.carriedExchanged.get(calendar) ?? [],
    terms: termsOf(entries, held, currency),
    lines,
  });
  return [
    {
      type: 'StatementIssued',
      version: 1,
      occurredAt: command.at,
      data: { entries, statement: withoutLines(statement) },
    },
  ];
}

/** All lines that are held, where they are exactly those that the manifest names. */
function linesOfManifest(
  id: string,
  entries: readonly AccountEntry[],
  held: ReadonlyMap<string, readonly LedgerLine[]>,
): readonly LedgerLine[] {
  const named = new Set<string>();
  const found: LedgerLine[] = [];
  for (const entry of entries) {
    named.add(entry.stream);
    // In order already, they are hashed and put on the statement without being sorted again.
    const lines = sortLedgerLines(held.get(entry.stream) ?? []);
    if (lines.length !== entry.lines || ledgerLinesHash(lines) !== entry.hash)
      throw new DomainError('LinesAwaited', `${id} waits for the lines of ${entry.stream}`, 'conflict');
    for (const line of lines) found.push(line);
  }
  for (const stream of held.keys())
    if (!named.has(stream))
      throw new DomainError('LinesAwaited', `${id}: no manifest names ${stream}, whose lines are held`, 'conflict');
  return found;
}

/**
 * Several plans may pay into one account: their largest minimum decides, so that none pays less than it says, and what is negative is
 * forgiven where all of them say so. The lines of each are settled on its own terms.
 */
export function termsOf(
  entries: readonly AccountEntry[],
  held: ReadonlyMap<string, readonly LedgerLine[]>,
  currency: string,
): AccountTerms {
  let minimumMinor = 0n;
  const parts = new Map<string, PayoutTerms & { totalMinor: bigint }>();
  for (const { stream, minimum, as, tax } of entries) {
    const minor = parseAmount(minimum, currency);
    if (minor > minimumMinor) minimumMinor = minor;
    if (as === undefined && tax === undefined) continue;
    const name = `${as ?? ''} ${tax ?? ''}`;
    const terms = { ...(as === undefined ? {} : { as }), ...(tax === undefined ? {} : { tax }) };
    const part = parts.get(name) ?? { ...terms, totalMinor: 0n };
    parts.set(name, part);
    for (const { amount } of held.get(stream) ?? []) part.totalMinor += parseAmount(amount, currency);
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

/** @throws {DomainError} `StatementUnknown` */
function approveStatement(command: Of<AccountCommand, 'approve-statement'>, state: AccountState): AccountEvent[] {
  const parts = parseStatementId(command.statement);
  const statement = parts && state.statements.get(periodKey(parts.calendar, parts.period));
  if (statement === undefined || parts === undefined)
    throw new DomainError('StatementUnknown', `there is no statement ${command.statement}`, 'not-found');
  if (statement.approvedBy !== undefined) return [];
  return [
    {
      type: 'StatementApproved',
      version: 1,
      occurredAt: command.at,
      data: {
        statement: command.statement,
        ...parts,
        payable: statement.payable,
        ...(statement.parts === undefined ? {} : { parts: statement.parts }),
        ...(statement.exchanged === undefined ? {} : { exchanged: statement.exchanged }),
        by: command.by,
      },
    },
  ];
}

/** @throws {DomainError} `PayoutUnknown`, `PaymentConflict`, `PaymentInvalid` */
function decidePayment({ at, payment }: Of<AccountCommand, 'take-payment'>, state: AccountState): AccountEvent[] {
  const { id, payee, currency, calendar, period } = statementOfPayout(payment.payout);
  const statement = state.statements.get(periodKey(calendar, period));
  if (statement?.approvedBy === undefined || isNothing(statement.payable)) throw payoutUnknown(payment.payout);
  const { payable, exchanged = [] } = statement;
  const taken = takePayment(payment, { amount: payable, currency, exchanged }, statement.paid?.payment);
  if (taken === undefined) return [];
  const data = { payment, statement: id, payee, period, ...taken };
  return [{ type: 'PaymentTaken', version: 1, occurredAt: at, data }];
}

function evolve(state: AccountState, event: AccountEvent): AccountState {
  switch (event.type) {
    case 'LedgerTaken': {
      const { origin, key, calendar, lines } = event.data;
      // Lines on an issued statement never move: the message repeats them, because it is whole.
      const open =
        state.statements.size === 0
          ? lines
          : lines.filter(({ period }) => !state.statements.has(periodKey(calendar, period)));
      state.held.replace(origin.stream, key, origin.revision, calendar, open);
      return state;
    }
    case 'StatementIssued': {
      const { entries, statement } = event.data;
      const { payable, parts, exchanged, forgiven, carried, calendar, period, currency } = statement;
      state.statements.set(periodKey(calendar, period), {
        payable,
        ...(parts === undefined ? {} : { parts }),
        ...(exchanged === undefined ? {} : { exchanged }),
        entries: canonicalJson(entries),
      });
      state.carriedMinor.set(calendar, parseAmount(carried, currency));
      // A payment settles the whole balance, whichever sign its parts have.
      const isSettled = !isNothing(payable) || forgiven !== undefined;
      state.carriedExchanged.set(calendar, isSettled ? [] : (exchanged ?? []));
      state.held.release(calendar, period);
      return state;
    }
    case 'StatementApproved': {
      const { calendar, period, by } = event.data;
      const statement = state.statements.get(periodKey(calendar, period));
      if (statement !== undefined) state.statements.set(periodKey(calendar, period), { ...statement, approvedBy: by });
      return state;
    }
    case 'PaymentTaken': {
      const parts = parseStatementId(event.data.statement);
      const key = parts === undefined ? '' : periodKey(parts.calendar, parts.period);
      const statement = state.statements.get(key);
      if (statement !== undefined) state.statements.set(key, { ...statement, paid: event.data });
      return state;
    }
    default:
      return event satisfies never;
  }
}

function commandOf(event: AccountEvent): AccountCommand {
  const at = event.occurredAt;
  switch (event.type) {
    case 'LedgerTaken':
      return { type: 'take-ledger', at, ...event.data };
    case 'StatementIssued': {
      const { entries, statement } = event.data;
      const { payee, currency, calendar, period } = statement;
      return { type: 'issue-statement', at, payee, currency, calendar, period, entries };
    }
    case 'StatementApproved':
      return { type: 'approve-statement', at, statement: event.data.statement, by: event.data.by };
    case 'PaymentTaken':
      return { type: 'take-payment', at, payment: event.data.payment };
    default:
      return event satisfies never;
  }
}

/** True for an amount of zero, however many decimals it has. */
export function isNothing(amount: string): boolean {
  return /^[0.]*$/.test(amount);
}

/** What a statement of an account is kept by. */
export function periodKey(calendar: string, period: string): string {
  return `${calendar}|${period}`;
}
