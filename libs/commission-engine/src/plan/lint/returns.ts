/** Findings about returns and holds, and what the law of commercial agents allows of both. */
import { compareRates, multiplyRates, ONE } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { isMeasured } from '../curve.js';
import type { Report } from './codes.js';
import { allowedValuesOf } from './condition-values.js';
import { isCurved, measured, money, ComponentPay, roundedOf, shareOf, units } from './pay.js';
import type { CompiledComponent, CompiledPlan } from '../compiled.js';
import { CHANNELS } from '../document.js';
import type { PlanDocument } from '../document.js';

/** Countries where Directive 86/653/EEC or its national version applies: the EEA and the United Kingdom. */
const AGENT_COUNTRIES: ReadonlySet<string> = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO'.split(' '),
);
const AGENT_CURRENCIES: ReadonlySet<string> = new Set('EUR CZK DKK GBP HUF ISK NOK PLN RON SEK'.split(' '));
/** Channels whose partners buy and sell in their own name, so they are not commercial agents. */
const RESELLERS: ReadonlySet<string> = new Set(['retail', 'e-commerce', 'wholesale', 'distributor']);

export function lintReturns(document: PlanDocument, plan: CompiledPlan, report: Report): void {
  const mayBeLaw = mayApplyToAgents(document, plan);
  plan.components.forEach((component, index) => {
    const path = `/components/${index}`;
    const written = document.components[index];
    if (written?.returns === undefined) keptTier(plan, component, path, report);
    if (mayBeLaw && mayBeAgent(component)) clawback(plan, component, path, report);
    holds(plan, component, path, report);
  });
  const held = plan.components.find((component) => component.hold !== undefined && mayBeAgent(component));
  if (mayBeLaw && held !== undefined && plan.ends.held === 'forfeit')
    report(
      'ForfeitOfAgents',
      '/ends/held',
      `held is forfeit: of ${money(plan, units(plan, 100n))} that "${held.id}" holds when the agreement ends, ${money(plan, 0n)} are paid even if the customer pays`,
    );
}

// ── Returns ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A tier that stays reached by returned sales, if the document does not choose a policy. */
function keptTier(plan: CompiledPlan, component: CompiledComponent, path: string, report: Report): void {
  const { rate, gate } = component;
  if (!isCurved(rate) || (rate.kind !== 'retroactive' && gate?.from !== 'first')) return;
  const pay = new ComponentPay(plan, component);
  for (const soldMinor of thresholds(component, pay)) {
    const backMinor = soldMinor / 2n;
    const earned = pay.rounded(soldMinor);
    const kept = earned - roundedOf(plan, pay.part(soldMinor, 0n, backMinor));
    const rerated = pay.rounded(soldMinor - backMinor);
    if (kept <= rerated) continue;
    const words = (minor: bigint) => measured(plan, component, minor);
    report(
      'ReturnKeepsTier',
      path,
      `if ${money(plan, backMinor)} of ${words(soldMinor)} come back, the payee keeps ${money(plan, kept)}, although ${words(soldMinor - backMinor)} earn only ${money(plan, rerated)}; write returns: { policy: re-rate }, or policy: line if this is intended`,
    );
    return;
  }
}

/** Amounts in minor units at which the rate or the gate changes. */
function thresholds({ rate, gate, measure }: CompiledComponent, pay: ComponentPay): readonly bigint[] {
  const tiers = rate.kind === 'accelerator' ? rate.bands.length : 'tiers' in rate ? rate.tiers.length : 1;
  const starts = Array.from({ length: tiers - 1 }, (_, index) => pay.startOf(index + 1));
  if (gate === undefined || gate.of === 'growth') return starts;
  const target = gate.of === 'target' ? gate.target : multiplyRates(pay.quota(), gate.target);
  const baselineMinor = typeof measure.above === 'object' ? measure.above.fixedMinor : 0n;
  return [...starts, baselineMinor + (target.numerator + target.denominator - 1n) / target.denominator];
}

// ── Commercial agents ──────────────────────────────────────────────────────────────────────────────────────────────

function mayApplyToAgents({ settle, calendar }: PlanDocument, { pays, currency }: CompiledPlan): boolean {
  if (pays !== 'commission' || settle?.as === 'payroll' || settle?.as === 'credit-note') return false;
  return AGENT_CURRENCIES.has(currency) || calendar.timeZone.startsWith('Europe/');
}

function mayBeAgent({ credit }: CompiledComponent): boolean {
  if (credit.kind === 'direct' && credit.to === 'buyer') return false;
  const values = allowedValuesOf(credit);
  if ('contradiction' in values) return false;
  const channels = values.allowed.get('partner.channel') ?? new Set<string>(CHANNELS);
  const countries = values.allowed.get('partner.country') ?? AGENT_COUNTRIES;
  return [...channels].some((one) => !RESELLERS.has(one)) && [...countries].some((one) => AGENT_COUNTRIES.has(one));
}

/** Two equal deals, the first of which is not executed: whether more is taken back than it had earned. */
function clawback(plan: CompiledPlan, component: CompiledComponent, path: string, report: Report): void {
  const { returns, rate } = component;
  const { policy, window, bands } = returns;
  if ((policy !== 're-rate' && policy !== 'average') || window === 'current') return;
  if (!isMeasured(component) || !isCurved(rate)) return;
  const pay = new ComponentPay(plan, component);
  const share =
    bands === undefined
      ? ONE
      : bands.list.reduce((most, band) => larger(most, band.rate), { numerator: 0n, denominator: 1n });
  const deals = thresholds(component, pay).flatMap((minor) => [minor, (minor + 1n) / 2n]);
  for (const dealMinor of deals) {
    const both = pay.rounded(2n * dealMinor);
    const own = roundedOf(plan, pay.part(2n * dealMinor, 0n, dealMinor));
    const whole =
      policy === 're-rate' ? both - pay.rounded(dealMinor) : roundedOf(plan, { numerator: both, denominator: 2n });
    const taken = shareOf(plan, whole, share);
    if (taken <= own) continue;
    report(
      'ClawbackOfAgents',
      `${path}/returns/policy`,
      `of two deals of ${money(plan, dealMinor)}, the first earns ${money(plan, own)}; if it is not executed, policy: ${policy} takes back ${money(plan, taken)}. Does not apply with pays: rebate, settle.as: payroll, or if partner.channel allows only resellers`,
    );
    return;
  }
}

function larger(left: Rate, right: Rate): Rate {
  return compareRates(left, right) < 0 ? right : left;
}

// ── Holds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function holds(plan: CompiledPlan, { credit, hold }: CompiledComponent, path: string, report: Report): void {
  if (typeof hold !== 'object') return;
  const earned = units(plan, 100n);
  const heldMinor = shareOf(plan, earned, hold.rate);
  if (credit.kind === 'direct' && credit.trigger === 'paid' && hold.release.kind === 'paid') {
    const later = shareOf(plan, heldMinor, { numerator: 1n, denominator: 2n });
    report(
      'HoldTwice',
      `${path}/hold`,
      `of ${money(plan, earned)} earned by the first of two equal instalments, this hold releases ${money(plan, later)} only with the second`,
    );
  }
  const days =
    hold.release.kind === 'paid' ? hold.release.days : Math.max(...hold.release.parts.map((part) => part.days));
  if (days <= 366) return;
  const last =
    hold.release.kind === 'paid' ? ONE : (hold.release.parts.find((part) => part.days === days)?.rate ?? ONE);
  report(
    'HoldOverYear',
    `${path}/hold`,
    `of ${money(plan, earned)} earned, this hold releases ${money(plan, shareOf(plan, heldMinor, last))} only ${days} days after the ${hold.release.kind === 'paid' ? 'payment' : 'trigger'}`,
  );
}
