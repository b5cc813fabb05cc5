/** The crediting of one deal under one plan, in progress: its lines so far, and the parts that are pending. */
import { windowAt } from '@tantieme/time/calendar/periods';
import { addDays } from '@tantieme/time/day';
import { assertShares } from '@tantieme/money/allocation';
import { ONE, addRates, parseRate } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { dealKey } from '../deal/deal.js';
import type { Deal, DealRole, DealTerms } from '../deal/deal.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import type { Subject } from './conditions.js';
import type { CreditLine, Reversal } from './credit-line.js';
import type { CreditLookup } from './lookup.js';
import type { PartnerAsOf } from './partner.js';
import type { Pending, PendingReason } from './pending.js';

/** A credited line with its return lines. */
export interface Credited {
  readonly payee: string;
  readonly plan: CompiledPlan;
  readonly component: CompiledComponent;
  readonly atMs: number;
  readonly subject: Subject;
  readonly line: CreditLine;
  readonly returns: readonly (CreditLine & { readonly reverses: Reversal })[];
}

export interface Holder {
  readonly partner: string;
  readonly share: Rate;
}

export interface Crediting {
  readonly deal: Deal;
  readonly terms: DealTerms;
  readonly lookup: CreditLookup;
  readonly credited: Credited[];
  readonly pending: Map<string, Pending>;
  /** By day, then by id. */
  readonly partners: Map<string, Map<string, PartnerAsOf | undefined>>;
  readonly holders: Map<DealRole, readonly Holder[]>;
}

export function startCrediting(deal: Deal, terms: DealTerms, lookup: CreditLookup): Crediting {
  return { deal, terms, lookup, credited: [], pending: new Map(), partners: new Map(), holders: new Map() };
}

export function addPending(crediting: Crediting, code: PendingReason, subject: string, message: string): void {
  const key = `${code} ${subject}`;
  // Of two messages with the same code and subject, the first in text order wins, whatever was found first.
  const known = crediting.pending.get(key);
  if (known === undefined || message < known.message) crediting.pending.set(key, { code, subject, message });
}

export function partnerAsOf(crediting: Crediting, id: string, day: string): PartnerAsOf | undefined {
  let ofDay = crediting.partners.get(day);
  if (ofDay === undefined) crediting.partners.set(day, (ofDay = new Map<string, PartnerAsOf | undefined>()));
  let partner = ofDay.get(id);
  if (partner === undefined && !ofDay.has(id)) {
    partner = crediting.lookup.partner(id, day);
    ofDay.set(id, partner);
  }
  if (partner === undefined)
    addPending(crediting, 'PartnerMissing', `partner:${id}`, `partner ${id} is unknown on ${day}`);
  return partner;
}

/**
 * True where the partner has an agreement to the plan on the day, or one that ended less than the plan's tail days ago.
 */
export function participates(
  { plans, ended }: PartnerAsOf,
  { id, ends: { tailDays } }: CompiledPlan,
  day: string,
): boolean {
  if (plans.includes(id)) return true;
  if (tailDays === 0 || ended === undefined) return false;
  return ended.some(({ plan, until }) => plan === id && day < addDays(until, tailDays));
}

/** Holders of the role in declared order, each once. Empty, and pending, where their shares do not sum to 1. */
export function holdersOf(crediting: Crediting, role: DealRole): readonly Holder[] {
  let holders = crediting.holders.get(role);
  if (holders === undefined) {
    holders = readHolders(crediting, role);
    crediting.holders.set(role, holders);
  }
  return holders;
}

function readHolders(crediting: Crediting, role: DealRole): readonly Holder[] {
  const shares = new Map<string, Rate>();
  try {
    for (const { role: held, partner, share } of crediting.terms.partners) {
      if (held !== role) continue;
      const rate = share === undefined ? ONE : parseRate(share);
      const before = shares.get(partner);
      shares.set(partner, before === undefined ? rate : addRates(before, rate));
    }
    if (shares.size > 0) assertShares([...shares.values()]);
  } catch (fault) {
    if (!(fault instanceof MoneyError)) throw fault;
    addPending(
      crediting,
      'TermsInvalid',
      `deal:${dealKey(crediting.deal)}`,
      `shares of the role ${role}: ${fault.reason}`,
    );
    return [];
  }
  return Array.from(shares, ([partner, share]) => ({ partner, share }));
}

/** The measurement window of a line: one of the calendar, `deal`, or `rolling`. */
export function windowOf({ calendar }: CompiledPlan, { measure: { over } }: CompiledComponent, atMs: number): string {
  if (over === 'deal') return 'deal';
  return typeof over === 'object' ? 'rolling' : windowAt(calendar, over, atMs);
}
