/** The partners above a payee, and the override lines that credit them. */
import { dayAt } from '@tantieme/time/time-zone';
import { formatMinor } from '@tantieme/money/amount';
import { addRates, formatRate } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { parseInstant } from '@tantieme/time/instant';
import type { CompiledComponent } from '../plan/compiled.js';
import { inForce } from '../plan/history.js';
import type { History } from '../plan/history.js';
import { isPartner, meetsDealAndLine, meetsPartner } from './conditions.js';
import type { Subject } from './conditions.js';
import type { CreditLine } from './credit-line.js';
import { participates, partnerAsOf, windowOf } from './crediting.js';
import type { Credited, Crediting } from './crediting.js';
import type { PartnerAsOf } from './partner.js';
import { afterOf } from './return-lines.js';

/** Largest number of levels of a team or a spread. A longer chain of uplines is no real hierarchy. */
const UPLINES_MAX = 50;

/** The partners above, the nearest first. */
export function uplinesOf(crediting: Crediting, partner: PartnerAsOf, day: string): readonly PartnerAsOf[] {
  const above: PartnerAsOf[] = [];
  const seen = new Set([partner.id]);
  for (let next = partner; above.length < UPLINES_MAX;) {
    const { upline } = next;
    // The registry refuses circles, but a backdated correction can still create one on some day.
    if (upline === null || seen.has(upline)) break;
    seen.add(upline);
    const found = partnerAsOf(crediting, upline, day);
    if (found === undefined) break;
    above.push(found);
    next = found;
  }
  return above;
}

/**
 * Credits the partners above a payee, level by level: on the same basis, on what the child earns, or on the difference
 * of rates. A level is skipped where its partner has no agreement to the plan or does not meet the conditions; the
 * levels above keep their number.
 */
export function creditUplines(
  crediting: Crediting,
  { id, versions }: History['components'][number],
  child: Credited,
): void {
  const version = inForce(versions, child.atMs);
  const component = version?.component;
  if (version === undefined || component === undefined || child.line.child !== undefined) return;
  const { credit, rate } = component;
  if (credit.kind !== 'override' || !credit.override.has(child.component.id)) return;
  const { plan } = version;
  const subject = { ...child.subject, day: dayAt(plan.calendar.timeZone, child.atMs) };
  if (!meetsDealAndLine(credit, subject)) return;
  const seller = partnerAsOf(crediting, child.payee, subject.day);
  if (seller === undefined) return;
  const levels = rate.kind === 'levels' ? rate.levels.length : UPLINES_MAX;
  let highest = rateOfSpread(component, subject, seller);
  for (const [index, partner] of uplinesOf(crediting, seller, subject.day).slice(0, levels).entries()) {
    const own = rateOfSpread(component, subject, partner);
    const isHigher = own.numerator * highest.denominator > highest.numerator * own.denominator;
    const spread = isHigher
      ? addRates(own, { numerator: -highest.numerator, denominator: highest.denominator })
      : undefined;
    if (isHigher) highest = own;
    if (rate.kind === 'spread' && spread === undefined) continue;
    if (!participates(partner, plan, subject.day) || !meetsPartner(credit, subject, partner)) continue;
    const overriding = {
      component: id,
      planVersion: plan.version,
      window: windowOf(plan, component, child.atMs),
      level: index + 1,
      child: { component: child.component.id, payee: child.payee },
      ...(rate.kind === 'spread' && spread !== undefined ? { spread: formatRate(spread) } : {}),
      // The child's earning is not known at this stage; the earn stage supplies it.
      ...(credit.of === 'earning' ? { basis: formatMinor(0n, plan.decimals) } : {}),
    };
    const overridden = (returned: Credited['returns'][number]): Credited['returns'][number] => {
      const { after: _after, ...reversal } = returned.reverses;
      const reverses = { ...reversal, ...afterOf(crediting.deal, component, parseInstant(returned.at), child.atMs) };
      const basis = credit.of === 'earning' ? {} : { basis: returned.basis };
      return { ...returned, ...overriding, ...basis, reverses };
    };
    crediting.credited.push({
      payee: partner.id,
      plan,
      component: component.hold === 'as-child' ? { ...component, hold: child.component.hold } : component,
      atMs: child.atMs,
      subject: child.subject,
      line: { ...withoutShares(child.line), ...overriding },
      returns: component.returns.policy === 'none' ? [] : child.returns.map(overridden),
    });
  }
}

function rateOfSpread({ credit }: CompiledComponent, subject: Subject, partner: PartnerAsOf): Rate {
  const none = { numerator: 0n, denominator: 1n };
  if (credit.kind !== 'override') return none;
  return credit.rates.find(({ where }) => isPartner(where, subject, partner))?.rate ?? none;
}

/** The line without the fields of the child's own rate: units, split and matrix rule do not apply to an override. */
function withoutShares(line: CreditLine): Omit<CreditLine, 'quantity' | 'split' | 'rule'> {
  if (line.quantity === undefined && line.split === undefined && line.rule === undefined) return line;
  const { quantity: _quantity, split: _split, rule: _rule, ...rest } = line;
  return rest;
}
