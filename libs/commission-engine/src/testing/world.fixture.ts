/**
 * Builders for specs: plans from text, deals, partners, and a small world that credits and earns as the services do.
 */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { formatMinor } from '@tantieme/money/amount';
import { creditDeal } from '../credit/credit.js';
import { lineKey } from '../credit/credit-line.js';
import type { Pending } from '../credit/pending.js';
import type { CreditLookup } from '../credit/lookup.js';
import type { PartnerAsOf } from '../credit/partner.js';
import type { CreditLine } from '../credit/credit-line.js';
import type { PlanVersion } from '../plan/history.js';
import { dealKey } from '../deal/deal.js';
import type { Deal, DealLine, DealPartner } from '../deal/deal.js';
import { applyChange } from '../incremental/apply-change.js';
import { diffCredit } from '../incremental/diff.js';
import { createEarnState } from '../incremental/state.js';
import { linesOfDeal } from '../incremental/earned-lines.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import type { Change } from '../incremental/diff.js';
import type { EarnState } from '../incremental/state.js';
import { parsePlan } from '../plan/lint/parse-plan.js';
import type { CompiledPlan } from '../plan/compiled.js';

export function planOf(text: string, hash = 'plan-1'): CompiledPlan {
  const { plan, findings } = parsePlan(text, hash);
  if (plan === undefined) throw new Error(findings.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return plan;
}

export interface PlanShape {
  readonly currency?: string;
  readonly periods?: string;
  readonly timeZone?: string;
  readonly rounding?: string;
}

/** A plan `p` of components, each given as YAML flow: `{ id: sales, credit: {…}, rate: {…} }`. */
export function planWith(components: readonly string[], shape: PlanShape = {}, hash = 'plan-1'): CompiledPlan {
  const { currency = 'EUR', periods = 'monthly', timeZone = 'Europe/Paris', rounding = 'half-up' } = shape;
  const list = components.map((component) => `  - ${component}`).join('\n');
  return planOf(
    `plan: p\ntitle: P\ncurrency: ${currency}\ncalendar: { periods: ${periods}, timeZone: ${timeZone} }\nrounding: ${rounding}\ncomponents:\n${list}\n`,
    hash,
  );
}

/** The simplest credit of a component. */
export const BOOKED = 'credit: { trigger: booked }';

export interface DealShape extends Partial<Omit<Deal, 'terms'>> {
  readonly currency?: string;
  readonly net?: string;
  readonly lines?: readonly DealLine[];
  readonly partners?: readonly DealPartner[];
  readonly customer?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A deal. Default: one line `1` of 100.00, sold by P1 and booked on 10 January 2026. */
export function dealOf(id: string, shape: DealShape = {}): Deal {
  const { currency = 'EUR', net = '100.00', lines, partners, customer, attributes, ...facts } = shape;
  return {
    source: 'crm',
    id,
    terms: omitUndefined({
      currency,
      lines: lines ?? [{ id: '1', net }],
      partners: partners ?? [{ role: 'seller', partner: 'P1' }],
      customer,
      attributes,
    }),
    bookedAt: '2026-01-10T10:00:00Z',
    invoices: [],
    payments: [],
    soldThrough: [],
    returns: [],
    ...facts,
  };
}

export type PartnerShape = Partial<PartnerAsOf>;

/** Partners that are the same on every day. Default: an agreement to plan `p`. */
export function partnersOf(shapes: Readonly<Record<string, PartnerShape>>): CreditLookup {
  return {
    partner(id) {
      const shape = shapes[id];
      if (shape === undefined) return undefined;
      return { id, channel: 'retail', country: 'FR', tier: null, upline: null, plans: ['p'], ...shape };
    },
  };
}

export const ONE_PARTNER = partnersOf({ P1: {} });

export interface World {
  /** Credits a deal and applies the changes to its payees, also to those that it no longer credits. */
  receive(deal: Deal): Change[];
  /** Takes another view of partners and plans from now on. */
  setReferences(lookup: CreditLookup, versions?: readonly PlanVersion[]): void;
  /** What the deal's lines earn the payee: occurrence → amount, added up over lines and components. */
  earned(payee: string, deal: string): Record<string, string>;
  /** All that the payee earns. */
  total(payee: string): string;
  readonly states: Map<string, EarnState>;
  readonly pending: Pending[];
  readonly plans: PlanByVersion;
  readonly decimals: number;
}

export function worldOf(plan: CompiledPlan | readonly PlanVersion[], lookup: CreditLookup = ONE_PARTNER): World {
  let versions = 'components' in plan ? [{ effectiveFrom: '2000-01-01', plan }] : plan;
  let partners = lookup;
  const states = new Map<string, EarnState>();
  const credited = new Map<string, Set<string>>();
  const pending: Pending[] = [];
  const decimals = versions[0]?.plan.decimals ?? 2;
  const plans = plansOf(() => versions);
  const stateOf = (payee: string): EarnState => {
    const state = states.get(payee) ?? createEarnState();
    states.set(payee, state);
    return state;
  };
  return {
    receive(deal) {
      const key = dealKey(deal);
      const answer = creditDeal(deal, versions, partners);
      pending.push(...answer.pending);
      const lines = new Map<string, readonly CreditLine[]>(
        answer.credits.map((credit) => [credit.payee, credit.lines]),
      );
      for (const payee of credited.get(key) ?? []) if (!lines.has(payee)) lines.set(payee, []);
      credited.set(key, new Set(lines.keys()));
      return [...lines].map(([payee, ofPayee]) => {
        const change = diffCredit(stateOf(payee), { deal: key, lines: ofPayee }, plans);
        if (change.changed) applyChange(stateOf(payee), change, plans);
        return change;
      });
    },
    setReferences(nextPartners, nextVersions) {
      partners = nextPartners;
      versions = nextVersions ?? versions;
    },
    earned(payee, deal) {
      const sums = new Map<string, bigint>();
      for (const { line, amountMinor } of linesOfDeal(stateOf(payee), `crm|${deal}`))
        sums.set(line.occurrence, (sums.get(line.occurrence) ?? 0n) + amountMinor);
      return Object.fromEntries([...sums].map(([occurrence, minor]) => [occurrence, formatMinor(minor, decimals)]));
    },
    total(payee) {
      let minor = 0n;
      for (const lines of stateOf(payee).deals.values()) for (const { amountMinor } of lines) minor += amountMinor;
      return formatMinor(minor, decimals);
    },
    states,
    pending,
    plans,
    decimals,
  };
}

export function plansOf(versions: () => readonly PlanVersion[]): PlanByVersion {
  const known = new Map<string, CompiledPlan>();
  return {
    plan(hash) {
      for (const { plan } of versions()) known.set(plan.version, plan);
      const plan = known.get(hash);
      if (plan === undefined) throw new Error(`no plan ${hash}`);
      return plan;
    },
  };
}

/** The lines of a state as sorted text: equal for equal states. */
export function dump(state: EarnState): string[] {
  return [...state.deals]
    .flatMap(([deal, lines]) =>
      lines.map(
        ({ line, amountMinor }) =>
          `${deal} ${lineKey(line)} ${line.at} ${line.period} ${line.window} ${line.basis} ${amountMinor}`,
      ),
    )
    .sort();
}
