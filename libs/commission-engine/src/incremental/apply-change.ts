/** Applies a change to a state. Nothing is rated again. */
import { isSale, rulesOf } from '../earn/component-rules.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { measuredBasis } from './basis.js';
import { forgetWindows, hasPlace, isLoaded } from './loaded.js';
import { isFullMode, recalculationMode } from './recalculation-scope.js';
import { dependsOn } from './dependents.js';
import { dealKeyOf, stateLineOf, isSameLine, measurementKey, minorOf } from './state.js';
import type { PayeeLevelCredit, EarnState, StateLine, RatedLine } from './state.js';
import type { Change } from './diff.js';
import { EngineError } from '../engine-error.js';
import { MeasuredLines } from '../measure/measured-lines.js';

type Applicable = Pick<
  Change,
  'deal' | 'lines' | 'payeeLevel' | 'children' | 'granted' | 'claims' | 'missingQuotas'
> & { readonly rated: readonly RatedLine[] };

/**
 * Applies a change, from the diff or from a stored event. Of a state that is not in memory as a whole, only what is in
 * memory changes.
 * @throws {EngineError} `CreditInvalid` where the change does not fit the state
 */
export function applyChange(state: EarnState, whole: Applicable, plans: PlanByVersion): void {
  const change = state.loaded === undefined ? whole : loadedPart(state, whole);
  const { deal, children, granted } = change;
  if (children !== undefined) {
    if (children.length === 0) state.children.delete(deal);
    else state.children.set(deal, children);
  }
  if (granted !== undefined) {
    if (granted.length === 0) state.granted.delete(deal);
    else state.granted.set(deal, granted);
  }
  for (const { deal: of, component, claims } of change.claims ?? []) {
    if (claims.length === 0) state.claims.delete(dealKeyOf(component, of));
    else state.claims.set(dealKeyOf(component, of), claims);
  }
  for (const { deal: of, component, windows } of change.missingQuotas ?? []) {
    if (windows.length === 0) state.missingQuotas.delete(dealKeyOf(component, of));
    else state.missingQuotas.set(dealKeyOf(component, of), windows);
  }
  const replaced = new Set([deal, ...change.payeeLevel.map((one) => one.deal)]);
  const own = new Map<string, RatedLine[]>();
  for (const rated of change.rated) {
    if (!replaced.has(rated.deal)) {
      stateLineOf(state, rated.deal, rated.key).amountMinor = minorOf(rated.amount);
      continue;
    }
    const list = own.get(rated.deal);
    if (list === undefined) own.set(rated.deal, [rated]);
    else list.push(rated);
  }
  if (deal !== '') replaceDeal(state, deal, change.lines, own.get(deal) ?? [], plans);
  for (const one of change.payeeLevel) replacePayeeLevel(state, one, own.get(one.deal) ?? []);
}

function loadedPart(state: EarnState, change: Applicable): Applicable {
  const { deal, lines, rated, payeeLevel, children, granted, claims = [], missingQuotas = [] } = change;
  const isOwnLoaded = isLoaded(state, deal);
  if (deal !== '' && !isOwnLoaded) forgetWindows(state);
  const ofLoaded = <Part extends { readonly deal: string }>(parts: readonly Part[]): readonly Part[] =>
    parts.filter((part) => isLoaded(state, part.deal));
  return {
    deal: isOwnLoaded ? deal : '',
    lines,
    rated: ofLoaded(rated),
    payeeLevel: ofLoaded(payeeLevel),
    ...(children !== undefined && isOwnLoaded && { children }),
    ...(granted !== undefined && isOwnLoaded && { granted }),
    claims: ofLoaded(claims),
    missingQuotas: ofLoaded(missingQuotas),
  };
}

function replaceDeal(
  state: EarnState,
  deal: string,
  lines: readonly CreditLine[],
  own: readonly RatedLine[],
  plans: PlanByVersion,
): void {
  const before = state.deals.get(deal) ?? [];
  const remaining = before.length === 0 ? NO_LINES : new Map(before.map((existing) => [existing.key, existing]));
  const children = state.children.get(deal) ?? [];
  const joining: StateLine[] = [];
  let next = 0;
  let fullModeLines = 0;
  const now = lines.map((line) => {
    const key = lineKey(line);
    const existing = remaining.get(key);
    // Ratings are in the order of the lines, so the next one is usually the right one.
    const rated = own[next]?.key === key ? own[next++] : own.find((one) => one.key === key);
    const rules = rulesOf(line, plans);
    if (recalculationMode(rules) === 'full') fullModeLines++;
    const basisMinor = measuredBasis(line, rules, lines, children);
    if (existing !== undefined && existing.basisMinor === basisMinor && isSameLine(existing.line, line)) {
      remaining.delete(key);
      existing.dependents = [];
      if (rated !== undefined) existing.amountMinor = minorOf(rated.amount);
      return existing;
    }
    if (rated === undefined)
      throw new EngineError('CreditInvalid', `line ${key} of deal ${deal} is new, but not rated`);
    const joined: StateLine = {
      deal,
      key,
      line,
      basisMinor,
      amountMinor: minorOf(rated.amount),
      measured: recalculationMode(rules) === 'incremental' && isSale(line, rules.component),
      dependents: [],
    };
    if (joined.measured) joining.push(joined);
    return joined;
  });
  const leaving = remaining.size === 0 ? [] : [...remaining.values()].filter(({ measured }) => measured);
  if (joining.length > 0 || leaving.length > 0) changeMeasurements(state, joining, leaving);
  linkDependents(now, plans);
  state.lineCount += now.length - before.length;
  state.fullModeLineCount += fullModeLines - before.filter(({ line }) => isFullMode(line, plans)).length;
  if (now.length === 0) state.deals.delete(deal);
  else state.deals.set(deal, now);
}

function replacePayeeLevel(state: EarnState, { deal, lines }: PayeeLevelCredit, rated: readonly RatedLine[]): void {
  const now = lines.map((line): StateLine => {
    const key = `${lineKey(line)}|${line.period}`;
    const amount = rated.find((one) => one.key === key)?.amount;
    if (amount === undefined) throw new EngineError('CreditInvalid', `line ${key} of ${deal} is not rated`);
    return { deal, key, line, basisMinor: 0n, amountMinor: minorOf(amount), measured: false, dependents: [] };
  });
  state.lineCount += now.length - (state.deals.get(deal)?.length ?? 0);
  if (now.length === 0) state.deals.delete(deal);
  else state.deals.set(deal, now);
}

/** Always empty: only lines found in it are deleted from it. */
const NO_LINES = new Map<string, StateLine>();

function linkDependents(lines: readonly StateLine[], plans: PlanByVersion): void {
  let byKey: ReadonlyMap<string, StateLine> | undefined;
  const dependents = new Map<StateLine, StateLine[]>();
  for (const line of lines) {
    if (line.line.reverses === undefined && line.line.reserves !== true && line.line.releases === undefined) continue;
    const key = dependsOn(line.line, rulesOf(line.line, plans).component);
    if (key === undefined) continue;
    byKey ??= new Map(lines.map((one) => [one.key, one]));
    const original = byKey.get(key);
    if (original === undefined) continue;
    const own = dependents.get(original);
    if (own === undefined) dependents.set(original, [line]);
    else own.push(line);
  }
  for (const [original, own] of dependents) original.dependents = own;
}

function changeMeasurements(state: EarnState, joining: readonly StateLine[], leaving: readonly StateLine[]): void {
  for (const existing of leaving) {
    if (!hasPlace(state, existing)) continue;
    const key = measurementKey(existing);
    const measurement = state.measurements.get(key);
    if (measurement?.remove(existing) !== true)
      throw new EngineError('CreditInvalid', `line ${existing.key} of deal ${existing.deal} is not in its measurement`);
    if (measurement.isEmpty) state.measurements.delete(key);
  }
  for (const existing of joining) {
    if (!hasPlace(state, existing)) continue;
    const key = measurementKey(existing);
    let measurement = state.measurements.get(key);
    if (measurement === undefined) state.measurements.set(key, (measurement = new MeasuredLines()));
    measurement.add(existing);
  }
}
