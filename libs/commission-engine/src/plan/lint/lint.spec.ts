import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LINT_RULES } from './codes.js';
import { parsePlan } from './parse-plan.js';

const PAGE = readFileSync(new URL('../../../../../docs/plan-lint.md', import.meta.url), 'utf8');

/** Sections of the page: the code, the document, and the finding as the command prints it. */
const SECTIONS = [...PAGE.matchAll(/^## (\w+)\n([\s\S]*?)(?=^##? |(?![\s\S]))/gm)].map(([, code = '', body = '']) => ({
  code,
  document: /```yaml\n([\s\S]*?)```/.exec(body)?.[1] ?? '',
  // The page wraps long lines.
  finding: (/```text\n([\s\S]*?)\n```/.exec(body)?.[1] ?? '').replaceAll('\n    ', ' '),
}));

const HEAD = 'plan: p\ntitle: P\ncurrency: EUR\ncalendar: { periods: monthly, timeZone: Europe/Paris }\n';

interface Shape {
  /** Keys of the plan besides its components, as YAML. */
  readonly plan?: string;
}

/** Findings for a plan with these components (YAML), each as `code path: message`. */
function lint(components: readonly string[], { plan = '' }: Shape = {}): string[] {
  const list = components.map((component) => `  - ${component}`).join('\n');
  return parsePlan(`${HEAD}${plan === '' ? '' : `${plan}\n`}components:\n${list}\n`).findings.map(
    ({ code, path, message }) => `${code} ${path}: ${message}`,
  );
}

function codes(components: readonly string[], shape: Shape = {}): string[] {
  return lint(components, shape).map((finding) => finding.slice(0, finding.indexOf(' ')));
}

/** A component `c` with the trigger `booked`. */
function booked(terms: string, credit = ''): string {
  return `{ id: c, credit: { trigger: booked${credit} }, ${terms} }`;
}

describe('docs/plan-lint.md', () => {
  it.each(SECTIONS)('shows a document whose only finding is $code', ({ code, document, finding }) => {
    const { findings } = parsePlan(document);
    expect(findings.map((found) => found.code)).toEqual([code]);
    expect(
      findings.map(({ line, column, severity, path, message }) =>
        `${line}:${column} ${severity} ${code} at ${path || '/'}: ${message}`.trim(),
      ),
    ).toEqual([finding]);
  });

  it('has a section for every code', () => {
    const described = new Set(SECTIONS.map(({ code }) => code));
    expect(Object.keys(LINT_RULES).filter((code) => !described.has(code))).toEqual([]);
    const here = new URL('../', import.meta.url);
    const sources = readdirSync(here).filter((name) => /^(?:problems|schema|text|expression)\.ts$/.test(name));
    const named = sources.flatMap((name) =>
      [
        ...readFileSync(new URL(name, here), 'utf8').matchAll(
          /(?:\b(?:error|problem|refuse|unreadable)\(\s*|code: (?:[^',]*\? )?)'([A-Z]\w+)'/g,
        ),
      ].map(([, code = '']) => code),
    );
    expect(named.length).toBeGreaterThan(60);
    // The page shows no document of half a million characters; errors that are thrown are not findings.
    const without = new Set(['TextTooLong']);
    expect([...new Set(named)].filter((code) => !described.has(code) && !without.has(code))).toEqual([]);
  });
});

describe('a finding', () => {
  it('explains why it matters', () => {
    const { findings } = parsePlan(SECTIONS.find(({ code }) => code === 'CliffLowersPay')?.document ?? '');
    expect(findings).toMatchObject([{ severity: 'warning', line: 10, why: LINT_RULES.CliffLowersPay.why }]);
  });

  it('refuses the document only if it is an error', () => {
    const never = parsePlan(SECTIONS.find(({ code }) => code === 'ConditionsNeverHold')?.document ?? '');
    expect([never.document, never.plan]).toEqual([undefined, undefined]);
    const cliff = parsePlan(SECTIONS.find(({ code }) => code === 'CliffLowersPay')?.document ?? '');
    expect(cliff.plan?.id).toBe('example');
  });
});

describe('a sound plan', () => {
  it.each([
    ['a plain per cent', ['{ id: a, credit: { trigger: booked }, rate: { percent: 4 % } }']],
    [
      'rising tiers of every kind',
      [
        '{ id: a, credit: { trigger: booked, where: { line.category: a } }, rate: { marginal: [{ below: 100, pay: 4 % }, { pay: 6 % }] } }',
        '{ id: b, credit: { trigger: booked, where: { line.category: b } }, rate: { lagged: [{ below: 100, pay: 4 % }, { pay: 6 % }] } }',
        '{ id: d, credit: { trigger: booked, where: { line.category: d } }, rate: { retroactive: [{ below: 100, pay: 4 % }, { pay: 6 % }] }, returns: { policy: line } }',
      ],
    ],
    [
      'components of different roles',
      [
        '{ id: a, credit: { trigger: booked }, rate: { percent: 4 % } }',
        '{ id: b, credit: { trigger: booked, to: referrer }, rate: { percent: 1 % } }',
      ],
    ],
    [
      'components of different lines',
      [
        '{ id: a, credit: { trigger: booked, where: { line.category: x } }, rate: { percent: 4 % } }',
        '{ id: b, credit: { trigger: booked, except: { line.category: [x, y] } }, rate: { percent: 1 % } }',
        '{ id: d, credit: { trigger: booked, where: { line.category: y } }, rate: { percent: 1 % } }',
      ],
    ],
    [
      'components of different partners',
      [
        '{ id: a, credit: { trigger: booked, where: { partner.tier: [gold, silver] } }, rate: { percent: 4 % } }',
        '{ id: b, credit: { trigger: booked, where: { partner.tier: bronze } }, rate: { percent: 1 % } }',
      ],
    ],
    [
      'components of different times',
      [
        '{ id: a, credit: { trigger: booked, during: [2026-03-01, 2026-03-31] }, rate: { percent: 4 % } }',
        '{ id: b, credit: { trigger: booked, during: [2026-04-01, 2026-04-30] }, rate: { percent: 1 % } }',
      ],
    ],
    [
      'expressions that exclude each other',
      [
        `{ id: a, credit: { trigger: booked, expr: 'line.net < decimal("100")' }, rate: { percent: 4 % } }`,
        `{ id: b, credit: { trigger: booked, expr: 'line.net >= decimal("100")' }, rate: { percent: 5 % } }`,
      ],
    ],
    [
      'an uplift that stacks, and an override of what both earn',
      [
        '{ id: a, credit: { trigger: invoiced }, rate: { percent: 4 % } }',
        '{ id: b, stacks: [a], credit: { same: a, where: { deal.registration: approved, deal.registration.holder: payee } }, rate: { percent: 5 % }, limit: { perDeal: 5000, excess: forfeited } }',
        '{ id: d, credit: { override: [a, b], of: earning, levels: [5 %, 2 %] }, hold: { until: paid } }',
      ],
    ],
  ])('has no findings: %s', (_, components) => {
    expect(lint(components)).toEqual([]);
  });

  it.each(['direct-us', 'resellers-us'])('has no findings: %s of the demo', (name) => {
    const text = readFileSync(new URL(`../../../../../services/cli/demo/${name}.yaml`, import.meta.url), 'utf8');
    expect(parsePlan(text).findings).toEqual([]);
  });
});

describe('a cliff', () => {
  it('is reported on both sides of its boundary, to the cent', () => {
    expect(
      lint([booked('rate: { retroactive: [{ upTo: 10000, pay: 5 % }, { pay: 4 % }] }, returns: { policy: line }')]),
    ).toEqual([
      'CliffLowersPay /components/0/rate/retroactive/1/pay: at 10,000.01 sold the pay falls from 500.00 to 400.00; it reaches 500.00 again only at 12,500.00 sold',
    ]);
  });

  it('names a later tier as the way back if the next tier is too short', () => {
    const tiers = '[{ below: 1000, pay: 10 % }, { below: 1100, pay: 5 % }, { pay: 20 % }]';
    expect(lint([booked(`rate: { retroactive: ${tiers} }, returns: { policy: line }`)])).toEqual([
      'CliffLowersPay /components/0/rate/retroactive/1/pay: at 1,000.00 sold the pay falls from 100.00 to 50.00; it reaches 100.00 again only at 1,100.00 sold',
    ]);
  });

  it('may have no way back', () => {
    expect(
      lint([booked('rate: { retroactive: [{ below: 1000, pay: 10 % }, { pay: 0 % }] }, returns: { policy: line }')]),
    ).toEqual([
      'CliffLowersPay /components/0/rate/retroactive/1/pay: at 1,000.00 sold the pay falls from 100.00 to 0.00 and never reaches that amount again',
    ]);
  });

  it('lies within one deal if tiers are measured by deal', () => {
    const found = lint([
      booked(
        'measure: { over: deal }, rate: { retroactive: [{ below: 1000, pay: 10 % }, { pay: 5 % }] }, returns: { policy: line }',
      ),
    ]);
    expect(found[0]).toContain('at 1,000.00 sold in one deal the pay falls from 100.00 to 50.00');
  });

  it('lowers the pay of the next window with a lagged rate', () => {
    expect(lint([booked('rate: { lagged: [{ below: 10000, pay: 8 % }, { pay: 5 % }] }')])).toEqual([
      'CliffLowersPay /components/0/rate/lagged/1/pay: at 10,000.00 sold the rate of later sales falls from 8 % to 5 %: 1,000.00 sold in the next window pay 50.00, not 80.00',
    ]);
  });

  it('is reported in units, and above a baseline', () => {
    const terms =
      'measure: { over: year, above: { fixed: 100 } }, rate: { retroactive: [{ below: 50, pay: 2.50 }, { pay: 2 }] }, returns: { policy: line }';
    expect(lint([booked(terms, ', basis: quantity')])).toEqual([
      'CliffLowersPay /components/0/rate/retroactive/1/pay: at 150 units the pay falls from 124.98 to 100.00; it reaches 124.98 again only at 162.49 units',
    ]);
  });

  it('can result from expressions on the amount of the line', () => {
    const by = (id: string, expr: string, pay: string) =>
      `{ id: ${id}, credit: { trigger: booked, expr: '${expr}' }, rate: { percent: ${pay} } }`;
    const below = by('a', 'line.net < decimal("1000")', '5 %');
    expect(lint([below, by('b', 'line.net >= decimal("1000")', '4 %')])).toEqual([
      'CliffLowersPay /components/0/credit/expr: at 1,000.00 sold in one line, its pay falls from 50.00 to 40.00',
    ]);
    expect(codes([below, by('b', 'line.net >= decimal("1000")', '6 %')])).toEqual([]);
    expect(codes([below, by('b', 'line.net >= decimal("900")', '5 %')])).toEqual(['CliffLowersPay', 'LinePaidTwice']);
  });

  it('is not reported if a limit lies below both sides', () => {
    const terms =
      'rate: { retroactive: [{ below: 10000, pay: 5 % }, { pay: 4 % }] }, returns: { policy: line }, limit: { perPeriod: 300, excess: forfeited }';
    expect(codes([booked(terms)])).not.toContain('CliffLowersPay');
  });
});

describe('a rate that is never paid', () => {
  it('can be a tier below a gate', () => {
    const rate = 'rate: { marginal: [{ below: 1000, pay: 4 % }, { pay: 6 % }] }';
    expect(lint([booked(`gate: { target: 5000, from: above }, ${rate}`)])).toEqual([
      'TierUnreachable /components/0/rate/marginal/0/pay: the tier ends at 1,000.00 sold, but nothing is paid below the gate of 5,000.00 sold',
    ]);
    // With from: first, the lower tier is paid as well once the gate is met.
    expect(codes([booked(`gate: { target: 5000, from: first }, ${rate}, returns: { policy: line }`)])).toEqual([]);
  });

  it('can be a band above a budget', () => {
    const rate = 'rate: { accelerator: { base: 10 %, bands: [{ upTo: 100 %, times: 1 }, { times: 2 }] } }';
    expect(lint([booked(`measure: { over: quarter, quota: 10000 }, ${rate}, budget: 800`)])).toEqual([
      'TierUnreachable /components/0/rate/accelerator/bands/1/times: the budget of 800.00 is used up at 8,000.00 sold, but this band begins at 10,000.00 sold',
    ]);
  });

  it('is not reported for a window that is longer than that of the limit', () => {
    const rate = 'rate: { marginal: [{ below: 150000, pay: 4 % }, { pay: 6 % }] }';
    expect(
      codes([booked(`measure: { over: quarter }, ${rate}, limit: { perPeriod: 4000, excess: forfeited }`)]),
    ).toEqual([]);
  });

  it('can be a rule of a matrix that another rule covers', () => {
    const matrix = (rules: string) => `rate: { matrix: { by: [product, category], rules: [${rules}] } }`;
    expect(lint([booked(matrix('{ category: a, pay: 4 % }, { category: a, pay: 5 % }'))])).toEqual([
      'TierUnreachable /components/0/rate/matrix/rules/1: rules[0] has the same attributes and comes first: its 5.00 for 100.00 sold are never paid',
    ]);
    const where = ', where: { line.category: [a, b] }';
    expect(codes([booked(matrix('{ category: a, pay: 4 % }, { category: d, pay: 5 % }'), where)])).toEqual([
      'TierUnreachable',
    ]);
    expect(
      codes([booked(matrix('{ category: a, pay: 4 % }, { category: b, pay: 5 % }, { pay: 3 % }'), where)]),
    ).toEqual(['TierUnreachable']);
    expect(codes([booked(matrix('{ category: a, pay: 4 % }, { pay: 3 % }'), where)])).toEqual([]);
    // A rule for a product outranks one for a category, but does not cover all its lines.
    expect(codes([booked(matrix('{ product: p, pay: 4 % }, { category: a, pay: 5 % }'))])).toEqual([]);
  });

  it('can be a rate of a spread that an earlier rate covers', () => {
    const sales = '{ id: sales, credit: { trigger: booked }, rate: { percent: 4 % } }';
    const spread = (rates: string) => `{ id: c, credit: { override: [sales], of: spread, rates: [${rates}] } }`;
    const gold = '{ where: { partner.tier: gold }, pay: 12 % }';
    expect(codes([sales, spread(`${gold}, { where: { partner.tier: [silver, gold] }, pay: 9 % }`)])).toEqual([]);
    expect(codes([sales, spread(`{ pay: 9 % }, ${gold}`)])).toEqual(['TierUnreachable']);
    expect(codes([sales, spread(`{ where: { partner.tier: [silver, gold] }, pay: 9 % }, ${gold}`)])).toEqual([
      'TierUnreachable',
    ]);
  });
});

describe('conditions that never hold', () => {
  it.each([
    [', where: { line.category: a }, except: { line.category: [a, b] }', '/except/line.category'],
    [
      ', where: { partner.certification: { has: x, count: 2 } }, except: { partner.certification: x }',
      '/except/partner.certification',
    ],
    [', except: { partner.channel: [retail, e-commerce, wholesale, distributor, direct] }', '/except/partner.channel'],
    [`, expr: 'line.net > decimal("100") && line.net < decimal("50")'`, '/expr'],
    [`, where: { line.category: a }, expr: 'line.category == "b"'`, '/expr'],
    [`, expr: 'false && line.category == "b"'`, '/expr'],
  ])('are an error: %s', (credit, place) => {
    expect(lint([booked('rate: { percent: 1 % }', credit)])[0]).toMatch(
      `ConditionsNeverHold /components/0/credit${place}`,
    );
  });

  it('can be those of a same credit that asks for other values', () => {
    const other = '{ id: a, credit: { trigger: booked, where: { line.category: x } }, rate: { percent: 4 % } }';
    expect(
      lint([other, '{ id: b, stacks: [a], credit: { same: a, where: { line.category: y } }, rate: { percent: 1 % } }']),
    ).toEqual([
      'ConditionsNeverHold /components/1/credit/where/line.category: `where` requires line.category to be x and also to be y, so no line is paid',
    ]);
  });

  it.each([
    `, expr: 'line.net > decimal("100") && line.net < line.gross'`,
    `, expr: 'line.category > "a" && line.category < "b"'`,
    `, expr: 'line.net - line.cost > decimal("100") && line.net < line.gross'`,
    `, expr: 'partner.certifications["security"] > 2'`,
    `, expr: 'deal.attributes["segment"] == "public"'`,
    `, expr: 'line.category.startsWith("hard")'`,
    ', where: { line.category: [a, b] }, except: { line.category: a, partner.tier: gold }',
  ])('are not reported if the linter cannot be sure: %s', (credit) => {
    expect(codes([booked('rate: { percent: 1 % }', credit)])).toEqual([]);
  });

  it('are reported as unused if they always hold', () => {
    expect(
      codes([booked('rate: { percent: 1 % }', `, expr: 'line.net < decimal("5") || line.net >= decimal("5")'`)]),
    ).toEqual(['TermUnused']);
  });
});

describe('a line that is paid for twice', () => {
  const a = '{ id: a, credit: { trigger: booked }, rate: { percent: 4 % } }';

  it('can result from two triggers', () => {
    expect(lint([a, '{ id: b, credit: { trigger: paid }, rate: { percent: 2 % } }'])).toEqual([
      'LinePaidTwice /components/1/credit: "a" and "b" both pay the seller for a line, once when booked and once when paid: a line of 100.00 pays 4.00 and 2.00',
    ]);
  });

  it('can result from expressions that hold for the same line', () => {
    const by = (id: string, expr: string) =>
      `{ id: ${id}, credit: { trigger: booked, expr: '${expr}' }, rate: { percent: 1 % } }`;
    expect(codes([by('a', 'line.net <= decimal("100")'), by('b', 'line.net >= decimal("100")')])).toEqual([
      'CliffLowersPay',
      'LinePaidTwice',
    ]);
  });

  it('can result from overrides of the same child, or of two children that pay for the same line', () => {
    const team = (id: string, children: string) =>
      `{ id: ${id}, credit: { override: [${children}], of: basis, levels: [2 %] } }`;
    expect(codes([a, team('t', 'a'), team('u', 'a')])).toEqual(['LinePaidTwice']);
    const b = '{ id: b, stacks: [a], credit: { trigger: booked }, rate: { percent: 1 % } }';
    expect(lint([a, b, team('t', 'a, b')])).toEqual([
      'LinePaidTwice /components/2/credit/override/1: "a" and "b" can both pay for a line: the partners above earn on 200.00 for its 100.00',
    ]);
  });

  it('does not result from measuring a team, whose lines are measured for the partners above but not paid to them', () => {
    const rate = 'rate: { marginal: [{ below: 100, pay: 4 % }, { pay: 5 % }] }';
    const team = `{ id: a, credit: { trigger: booked }, measure: { over: quarter, of: team }, ${rate} }`;
    expect(codes([team, '{ id: t, credit: { override: [a], of: basis, levels: [2 %] } }'])).toEqual([]);
  });
});

describe('what a plan may cost', () => {
  it('is unbounded if the last band of an accelerator pays more than the base', () => {
    const rate =
      'rate: { accelerator: { base: 10 %, bands: [{ upTo: 100 %, times: 1 }, { upTo: 125 %, times: 1.25 }, { times: 1.5 }] } }';
    expect(lint([booked(`measure: { over: quarter, quota: 10000 }, ${rate}`)])).toEqual([
      'LiabilityUnbounded /components/0/rate/accelerator/bands/2: above 125 % of the quota, every further 100.00 pays 15.00 without a limit: 25,000.00 sold pay 3,187.50, but 2,500.00 at the base rate',
    ]);
    expect(
      codes([
        booked(`measure: { over: quarter, quota: 10000 }, ${rate}, limit: { perQuarter: 3000, excess: forfeited }`),
      ]),
    ).toEqual([]);
  });

  it.each([
    ['flat: 5, per: line', 'limit: { perDeal: 50, excess: forfeited }', []],
    ['flat: 5, per: deal', 'budget: 1000', []],
    ['flat: 5, per: unit', '', []],
    ['flat: 5, per: line', '', ['LiabilityUnbounded']],
    ['stepped: { every: 100, pay: 10 }', '', []],
    ['stepped: { every: 100, pay: 150 }', '', ['LiabilityUnbounded']],
  ])('for %s with %s', (rate, bound, found) => {
    expect(codes([booked(`rate: { ${rate} }${bound === '' ? '' : `, ${bound}`}`)])).toEqual(found);
  });

  it('adds up components that can pay for the same line, not components that exclude each other', () => {
    const of = (id: string, tier: string, to = 'seller') =>
      `{ id: ${id}, credit: { trigger: booked, to: ${to}, where: { partner.tier: ${tier} } }, rate: { percent: 60 % } }`;
    expect(codes([of('a', 'gold'), of('b', 'silver')])).toEqual([]);
    expect(lint([of('a', 'gold'), of('b', 'silver', 'referrer')])).toEqual([
      'TotalAboveWhole /components/1: a line of 100.00 pays up to 120.00: "a" 60.00, "b" 60.00',
    ]);
  });

  it('includes floors that limits keep out of reach', () => {
    const limited = booked('rate: { percent: 4 % }, limit: { perPeriod: 800, excess: forfeited }');
    expect(codes([limited], { plan: 'guarantee: { amount: 2400, over: quarter }' })).toEqual(['FloorAboveLimit']);
    expect(codes([limited], { plan: 'guarantee: { amount: 2399, over: quarter }' })).toEqual([]);
    expect(codes([limited], { plan: 'draw: { amount: 800, recoverable: true }' })).toEqual(['FloorAboveLimit']);
  });
});

describe('a clawback from commercial agents', () => {
  const RISING = 'rate: { marginal: [{ below: 50000, pay: 5 % }, { pay: 7 % }] }';

  it('is reported if a return takes back more than the deal earned', () => {
    expect(lint([booked(`${RISING}, returns: { policy: average }`)])).toEqual([
      'ClawbackOfAgents /components/0/returns/policy: of two deals of 50,000.00, the first earns 2,500.00; if it is not executed, policy: average takes back 3,000.00. Does not apply with pays: rebate, settle.as: payroll, or if partner.channel allows only resellers',
    ]);
  });

  it.each([
    [
      'resellers',
      booked(`${RISING}, returns: { policy: re-rate }`, ', where: { partner.channel: [retail, distributor] }'),
      '',
    ],
    ['a rebate', booked(`${RISING}, returns: { policy: re-rate }`), 'pays: rebate'],
    ['employees', booked(`${RISING}, returns: { policy: re-rate }`), 'settle: { as: payroll }'],
    [
      'partners elsewhere',
      booked(`${RISING}, returns: { policy: re-rate }`, ', where: { partner.country: [US, CA] }'),
      '',
    ],
    ['the line policy', booked(`${RISING}, returns: { policy: line }`), ''],
    [
      'falling rates',
      booked('rate: { marginal: [{ below: 50000, pay: 5 % }, { pay: 0 % }] }, returns: { policy: re-rate }'),
      '',
    ],
    [
      'a band that takes less',
      booked(`${RISING}, returns: { policy: re-rate, bands: [{ within: 30 days, take: 50 % }] }`),
      '',
    ],
  ])('is not reported for %s', (_, component, plan) => {
    expect(codes([component], { plan })).toEqual([]);
  });
});

describe('any document', () => {
  it('is linted in any currency without an exception', () => {
    for (const { document } of SECTIONS)
      for (const currency of ['KRW', 'BHD', 'USD'])
        expect(() => parsePlan(document.replace('currency: EUR', `currency: ${currency}`))).not.toThrow();
  });
});
