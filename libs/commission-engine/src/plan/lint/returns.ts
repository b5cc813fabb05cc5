/** Findings about what is taken back or kept back: returns, holds, and what the law of commercial agents says of both. */
import { compareRates, multiplyRates, ONE } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { isMeasured } from '../curve.js';
import type { Report } from './codes.js';
import { CHANNELS, reachOf } from './reach.js';
import { isCurved, measured, money, PayOver, roundedOf, shareOf, units } from './pay.js';
import type { CompiledComponent, CompiledPlan } from '../compiled.js';
import type { PlanDocument } from '../document.js';

/** States in which the directive, or what it was made into, is law: the Union's, and the United Kingdom. */
const AGENT_COUNTRIES: ReadonlySet<string> = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO'.split(' '),
);
const AGENT_CURRENCIES: ReadonlySet<string> = new Set('EUR CZK DKK GBP HUF ISK NOK PLN RON SEK'.split(' '));
/** Who buys and sells in its own name is no agent; so are these channels. */
const RESELLERS: ReadonlySet<string> = new Set(['retail', 'e-commerce', 'wholesale', 'distributor']);

export function lintReturns(document: PlanDocument, plan: CompiledPlan, say: Report): void {
  const isLawful = mayBeOfAgents(document, plan);
  plan.components.forEach((component, index) => {
    const path = `/components/${index}`;
    const said = document.components[index];
    if (said?.returns === undefined) keptTier(plan, component, path, say);
    if (isLawful && mayBeAgent(component)) clawback(plan, component, path, say);
    holds(plan, component, path, say);
  });
  const held = plan.components.find((component) => component.hold !== undefined && mayBeAgent(component));
  if (isLawful && held !== undefined && plan.ends.held === 'forfeit')
    say(
      'ForfeitOfAgents',
      '/ends/held',
      `of ${money(plan, units(plan, 100n))} that "${held.id}" has earned and holds when the agreement ends, ${money(plan, 0n)} are paid, even where the customer pays`,
    );
}

// ── Returns ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A whole measurement at the rate that sales reached which came back: where nobody has said that this is meant. */
function keptTier(plan: CompiledPlan, component: CompiledComponent, path: string, say: Report): void {
  const { rate, gate } = component;
  if (!isCurved(rate) || (rate.kind !== 'retroactive' && gate?.from !== 'first')) return;
  const pay = new PayOver(plan, component);
  for (const soldMinor of thresholds(component, pay)) {
    const backMinor = soldMinor / 2n;
    const earned = pay.rounded(soldMinor);
    const kept = earned - roundedOf(plan, pay.part(soldMinor, 0n, backMinor));
    const rerated = pay.rounded(soldMinor - backMinor);
    if (kept <= rerated) continue;
    const words = (minor: bigint) => measured(plan, component, minor);
    say(
      'ReturnKeepsTier',
      path,
      `of ${words(soldMinor)}, ${money(plan, backMinor)} come back: ${money(plan, kept)} are kept, where ${words(soldMinor - backMinor)} alone pay ${money(plan, rerated)}; say returns: { policy: re-rate }, or line where this is meant`,
    );
    return;
  }
}

/** Amounts (minor units) at which the rate or the gate turns. */
function thresholds({ rate, gate, measure }: CompiledComponent, pay: PayOver): readonly bigint[] {
  const tiers = rate.kind === 'accelerator' ? rate.bands.length : 'tiers' in rate ? rate.tiers.length : 1;
  const starts = Array.from({ length: tiers - 1 }, (_, index) => pay.startOf(index + 1));
  if (gate === undefined || gate.of === 'growth') return starts;
  const target = gate.of === 'target' ? gate.target : multiplyRates(pay.quota(), gate.target);
  const baselineMinor = typeof measure.above === 'object' ? measure.above.fixedMinor : 0n;
  return [...starts, baselineMinor + (target.numerator + target.denominator - 1n) / target.denominator];
}

// ── Commercial agents ───────────────────────────────────────────────────────────────────────────────────────────────

function mayBeOfAgents({ settle, calendar }: PlanDocument, { pays, currency }: CompiledPlan): boolean {
  if (pays !== 'commission' || settle?.as === 'payroll' || settle?.as === 'credit-note') return false;
  return AGENT_CURRENCIES.has(currency) || calendar.timeZone.startsWith('Europe/');
}

function mayBeAgent({ credit }: CompiledComponent): boolean {
  if (credit.kind === 'direct' && credit.to === 'buyer') return false;
  const reach = reachOf(credit);
  if ('never' in reach) return false;
  const channels = reach.allowed.get('partner.channel') ?? new Set<string>(CHANNELS);
  const countries = reach.allowed.get('partner.country') ?? AGENT_COUNTRIES;
  return [...channels].some((one) => !RESELLERS.has(one)) && [...countries].some((one) => AGENT_COUNTRIES.has(one));
}

/** Two equal deals, of which the first is not executed: what is taken back of it, and what it had earned. */
function clawback(plan: CompiledPlan, component: CompiledComponent, path: string, say: Report): void {
  const { returns, rate } = component;
  const { policy, window, bands } = returns;
  if ((policy !== 're-rate' && policy !== 'average') || window === 'current') return;
  if (!isMeasured(component) || !isCurved(rate)) return;
  const pay = new PayOver(plan, component);
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
    say(
      'ClawbackOfAgents',
      `${path}/returns/policy`,
      `of two deals of ${money(plan, dealMinor)} the first earns ${money(plan, own)}; if it is not executed, "${policy}" takes back ${money(plan, taken)}. This does not apply where pays is rebate, settle.as is payroll, or partner.channel names resellers only`,
    );
    return;
  }
}

function larger(left: Rate, right: Rate): Rate {
  return compareRates(left, right) < 0 ? right : left;
}

// ── Holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function holds(plan: CompiledPlan, { credit, hold }: CompiledComponent, path: string, say: Report): void {
  if (typeof hold !== 'object') return;
  const earned = units(plan, 100n);
  const heldMinor = shareOf(plan, earned, hold.rate);
  if (credit.kind === 'direct' && credit.trigger === 'paid' && hold.release.kind === 'paid') {
    const later = shareOf(plan, heldMinor, { numerator: 1n, denominator: 2n });
    say(
      'HoldTwice',
      `${path}/hold`,
      `of ${money(plan, earned)} earned with the first of two equal instalments, ${money(plan, later)} are released only with the second`,
    );
  }
  const days =
    hold.release.kind === 'paid' ? hold.release.days : Math.max(...hold.release.parts.map((part) => part.days));
  if (days <= 366) return;
  const last =
    hold.release.kind === 'paid' ? ONE : (hold.release.parts.find((part) => part.days === days)?.rate ?? ONE);
  say(
    'HoldOverYear',
    `${path}/hold`,
    `of ${money(plan, earned)} earned, ${money(plan, shareOf(plan, heldMinor, last))} are paid ${days} days after the ${hold.release.kind === 'paid' ? 'payment' : 'trigger'}`,
  );
}
