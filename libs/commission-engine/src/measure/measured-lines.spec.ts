/** The tree of a measurement behaves like a sorted array, whatever is added, removed and shifted. */
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { curveOf, earnsTheSame } from '../plan/curve.js';
import type { Curve } from '../plan/curve.js';
import { MeasuredLines } from './measured-lines.js';
import { planWith } from '../testing/world.fixture.js';
import { compareLines } from './canonical-order.js';
import type { MeasuredLine } from './canonical-order.js';
const reached = { deep: 0, removed: 0, missing: 0, visited: 0, passedOver: 0, evicted: 0, emptied: 0 };

/** Few days, so that many lines share an instant and the deal decides. */
function lineAt(place: number, basisMinor: bigint): MeasuredLine {
  const day = 1 + (Math.floor(place / 400) % 28);
  return {
    deal: `crm|D${String(place % 400).padStart(3, '0')}`,
    basisMinor,
    line: {
      component: 's',
      planVersion: 'plan-1',
      occurrence: 'booked',
      line: '1',
      at: `2026-01-${String(day).padStart(2, '0')}T10:00:00.000Z`,
      period: '2026-01',
      window: '2026-01',
      basis: '0',
    },
  };
}

const sumOf = (lines: readonly MeasuredLine[]): bigint => lines.reduce((sum, { basisMinor }) => sum + basisMinor, 0n);

const anyBasis = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -200, max: 0 })).map(BigInt);

/** From one leaf to several levels of the tree. */
const anyLines = fc
  .tuple(fc.constantFrom(5, 40, 300, 1500), fc.nat(), fc.array(anyBasis, { minLength: 20, maxLength: 20 }))
  .map(([count, seed, bases]) => {
    const places = new Set<number>();
    // The step shares no factor with the number of places, so it reaches each place once, in mixed order.
    for (let at = 0; at < count; at++) places.add((seed + at * 7919) % 11_200);
    return [...places].map((place, index) => lineAt(place, bases[index % bases.length] ?? 0n));
  });

const curveFor = (rate: string): Curve => {
  const plan = planWith([`{ id: s, credit: { trigger: booked }, rate: { ${rate} } }`]);
  const component = plan.componentById.get('s');
  const curve = component === undefined ? undefined : curveOf(component, { totalMinor: 0n });
  if (curve === undefined) throw new Error('no curve');
  return curve;
};
const CURVES = [
  curveFor('marginal: [{ below: 5, pay: 1 % }, { upTo: 20, pay: 2 % }, { below: 300, pay: 3 % }, { pay: 4 % }]'),
  curveFor('marginal: [{ pay: 10 % }]'),
  curveFor('stepped: { every: 25, pay: 1 }'),
];

function expectSame(tree: MeasuredLines<MeasuredLine>, plain: readonly MeasuredLine[]): void {
  const held = [...tree];
  expect(held.length).toBe(plain.length);
  expect(held.every((line, index) => line === plain[index])).toBe(true);
}

const insert = (plain: MeasuredLine[], line: MeasuredLine): void => {
  const at = plain.findIndex((other) => compareLines(other, line) > 0);
  plain.splice(at < 0 ? plain.length : at, 0, line);
};

describe('the tree of a measurement', () => {
  it('keeps its lines in canonical order and returns the sum before any place as lines are added and removed', () => {
    fc.assert(
      fc.property(anyLines, fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 200 }), (lines, steps) => {
        const tree = new MeasuredLines<MeasuredLine>();
        for (const line of lines) tree.add(line);
        const plain = lines.slice().sort(compareLines);
        const gone: MeasuredLine[] = [];
        expectSame(tree, plain);
        if (plain.length > 1024) reached.deep++;
        for (const [draw, isBack] of steps) {
          const back = isBack ? gone.pop() : undefined;
          if (back !== undefined) {
            tree.add(back);
            insert(plain, back);
            continue;
          }
          const [line] = plain.splice(draw % Math.max(1, plain.length), 1);
          if (line === undefined) continue;
          expect(tree.remove(line)).toBe(true);
          expect(tree.remove(line)).toBe(false);
          gone.push(line);
          reached.removed++;
          // The sum before a place does not need a line at that place.
          expect(tree.sumBefore(line)).toBe(sumOf(plain.filter((other) => compareLines(other, line) < 0)));
        }
        expectSame(tree, plain);
        for (const [draw] of steps.slice(0, 20)) {
          const at = draw % Math.max(1, plain.length);
          const line = plain[at];
          if (line === undefined) continue;
          expect(tree.sumBefore(line)).toBe(sumOf(plain.slice(0, at)));
          // An equal line is not the same object.
          expect(tree.remove({ ...line })).toBe(false);
          reached.missing++;
        }
        for (const line of plain) expect(tree.remove(line)).toBe(true);
        expect([tree.isEmpty, [...tree].length]).toEqual([true, 0]);
        reached.emptied++;
      }),
      { numRuns: 30 },
    );
  });

  it('visits every line whose earning a shift changes, with the sum before it, and none outside the range', () => {
    const anyShift = fc.tuple(fc.nat(), fc.nat(), anyBasis, fc.constantFrom(...CURVES), fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(anyLines, fc.array(anyShift, { minLength: 1, maxLength: 20 }), (lines, shifts) => {
        const tree = new MeasuredLines<MeasuredLine>();
        for (const line of lines) tree.add(line);
        const plain = lines.slice().sort(compareLines);
        for (const [one, other, byMinor, curve, isFromStart, isToEnd] of shifts) {
          const [low, high] = [one % plain.length, other % plain.length].sort((left, right) => left - right);
          const [first, last] = [isFromStart ? 0 : (low ?? 0), isToEnd ? plain.length : (high ?? 0)];
          const visited = new Map<MeasuredLine, bigint>();
          tree.shifted(
            curve,
            byMinor,
            isFromStart ? undefined : plain[first],
            isToEnd ? undefined : plain[last],
            (line, before) => {
              expect(visited.has(line)).toBe(false);
              visited.set(line, before);
            },
          );
          let before = 0n;
          plain.forEach((line, index) => {
            const isIn = first <= index && index < last;
            const actual = visited.get(line);
            if (actual !== undefined) {
              reached.visited++;
              if (!isIn || actual !== before) expect([index, actual]).toEqual([index, isIn ? before : undefined]);
            } else if (isIn) {
              reached.passedOver++;
              expect(earnsTheSame(curve, line.basisMinor, before, before + byMinor)).toBe(true);
            }
            before += line.basisMinor;
          });
        }
      }),
      { numRuns: 30 },
    );
  });

  it('evicts lines but keeps their sum', () => {
    fc.assert(
      fc.property(anyLines, fc.nat(), anyBasis, (lines, draw, basisMinor) => {
        const tree = new MeasuredLines<MeasuredLine>();
        for (const line of lines) tree.add(line);
        const plain = lines.slice().sort(compareLines);
        const at = draw % plain.length;
        const last = plain[at];
        if (last === undefined) return;
        tree.evictThrough(last);
        const retained = plain.slice(at + 1);
        expectSame(tree, retained);
        expect(tree.isEmpty).toBe(retained.length === 0 && sumOf(plain) === 0n);
        const late = { ...lineAt(11_199, basisMinor), deal: 'crm|later' };
        tree.add(late);
        expect(tree.sumBefore(late)).toBe(sumOf(plain));
        for (const [index, line] of retained.entries())
          if (index < 10) expect(tree.sumBefore(line)).toBe(sumOf(plain.slice(0, at + 1 + index)));
        reached.evicted++;
      }),
      { numRuns: 30 },
    );
  });

  afterAll(() => {
    for (const [branch, count] of Object.entries(reached)) expect([branch, count >= 5]).toEqual([branch, true]);
  });
});
