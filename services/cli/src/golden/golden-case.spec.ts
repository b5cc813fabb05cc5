/** Golden cases: defaults, comparison with the expected files, and faults in files. */
import { describe, expect, it } from '@jest/globals';
import { compare, updatedFiles } from './comparison.js';
import { CaseInvalid } from './csv-rows.js';
import { calculateCase } from './golden-case.js';

const PLAN = `plan: p
title: P
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: sales
    credit: { trigger: booked }
    rate: { percent: 10 % }
`;

const DEALS = `deal,at,net,seller
D1,2026-01-10,100.00,NORD
D2,2026-01-11,250.00,SUED
D3,2026-02-01,70.00,NORD
`;

const filesOf = (changes: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> =>
  new Map(Object.entries({ 'plan.yaml': PLAN, 'deals.csv': DEALS, ...changes }));

const compared = (changes: Readonly<Record<string, string>>) => {
  const files = filesOf(changes);
  return compare(files, calculateCase(files));
};

const faultsOf = (changes: Readonly<Record<string, string>>): readonly string[] => {
  try {
    compared(changes);
  } catch (error) {
    if (error instanceof CaseInvalid) return error.message.split('\n');
    throw error;
  }
  return [];
};

describe('a case', () => {
  it('returns all lines, by payee and period', () => {
    expect(
      calculateCase(filesOf()).lines.map(({ payee, period, deal, amount }) => [payee, period, deal, amount]),
    ).toEqual([
      ['NORD', '2026-01', 'D1', '10.00'],
      ['NORD', '2026-02', 'D3', '7.00'],
      ['SUED', '2026-01', 'D2', '25.00'],
    ]);
  });

  it('reads a day as its midnight in the time zone of the plan', () => {
    const at = (text: string) =>
      calculateCase(filesOf({ 'deals.csv': `deal,at,net,seller\nD,${text},1,NORD\n` })).lines[0]?.period;
    expect([at('2026-02-01'), at('2026-01-31T23:00:00Z'), at('2026-01-31T22:59:59Z')]).toEqual([
      '2026-02',
      '2026-02',
      '2026-01',
    ]);
  });

  it('lists deals that nobody is credited for, and unknown partners, as pending', () => {
    const { pending } = calculateCase(
      filesOf({
        'deals.csv': `deal,fact,id,at,amount,net,seller\nD1,booked,,2026-01-10,,100,NOBODY\nD2,paid,P,2026-01-10,5,,\nD3,booked,,2026-01-10,,1,OLD\n`,
        'partners.csv': `partner,plan,from,until\nOLD,p,2025-01-01,2026-01-01\n`,
      }),
    );
    expect(pending.map(({ deal, code, subject }) => [deal, code, subject])).toEqual([
      ['D1', 'PartnerMissing', 'partner:NOBODY'],
      ['D2', 'TermsMissing', 'deal:case|D2'],
      ['D3', 'NotCredited', ''],
    ]);
  });

  it('invoices only the lines that an invoice lists, and without lines the rest', () => {
    const { lines } = calculateCase(
      filesOf({
        'plan.yaml': PLAN.replace('booked', 'invoiced'),
        'deals.csv': `deal,fact,id,at,line,net,seller
D,booked,,2026-01-10,1,100,NORD
D,booked,,2026-01-10,2,200,NORD
D,invoiced,I1,2026-01-20,2,200,NORD
D,invoiced,I2,2026-02-20,,,
`,
      }),
    );
    expect(lines.map(({ occurrence, line, amount }) => [occurrence, line, amount])).toEqual([
      ['invoice:I1', '2', '20.00'],
      ['invoice:I2', '1', '10.00'],
    ]);
  });

  it('applies the amendment with the highest revision', () => {
    const { lines } = calculateCase(
      filesOf({
        'deals.csv': `deal,fact,revision,at,net,seller
D,booked,,2026-01-10,100,NORD
D,amended,2,2026-01-12,300,NORD
D,amended,1,2026-01-20,200,NORD
`,
      }),
    );
    expect(lines.map(({ amount }) => amount)).toEqual(['30.00']);
  });

  it('applies a change from its own date, and a correction from the date of the deal', () => {
    const { lines } = calculateCase(
      filesOf({
        'deals.csv': `deal,fact,revision,as,at,net,seller
D,booked,,,2026-01-10,100,NORD
D,amended,1,correction,2026-01-20,120,NORD
D,amended,2,change,2026-02-20,150,NORD
`,
      }),
    );
    expect(lines.map(({ period, amount }) => [period, amount])).toEqual([
      ['2026-01', '12.00'],
      ['2026-02', '3.00'],
    ]);
  });
});

describe('the comparison', () => {
  it('reports missing lines, unexpected lines and different amounts', () => {
    const lines = 'payee,deal,amount\nNORD,D1,10\nNORD,D3,8.00\nNORD,D9,1\n';
    expect(compared({ 'lines.csv': lines })).toEqual({
      differences: [
        { file: 'lines.csv', kind: 'amount', key: { payee: 'NORD', deal: 'D3' }, expected: '8.00', got: '7.00' },
        { file: 'lines.csv', kind: 'unexpected', key: { payee: 'SUED', deal: 'D2' }, got: '25.00' },
        { file: 'lines.csv', kind: 'missing', key: { payee: 'NORD', deal: 'D9' }, expected: '1.00' },
      ],
      lines: 3,
      pending: 0,
      expectedTotal: '19.00',
      gotTotal: '42.00',
    });
  });

  it('adds up lines that are equal in the columns of the file', () => {
    expect(compared({ 'lines.csv': 'payee,amount\nNORD,17\nSUED,25\n' }).differences).toEqual([]);
  });

  it('reports deals that are no longer pending, and new ones', () => {
    const files = { 'lines.csv': 'payee,amount\nNORD,17\nSUED,25\n', 'pending.csv': 'deal,code\nD1,PartnerMissing\n' };
    expect(compared(files).differences).toEqual([
      { file: 'pending.csv', kind: 'missing', key: { deal: 'D1', code: 'PartnerMissing' } },
    ]);
  });

  it('keeps the columns and remarks of a file that it updates, and then finds no difference', () => {
    const files = filesOf({ 'lines.csv': '# checked by hand\npayee,amount\nNORD,99\n' });
    const updated = updatedFiles(files, calculateCase(files));
    expect([...updated]).toEqual([['lines.csv', '# checked by hand\npayee,amount\nNORD,17.00\nSUED,25.00\n']]);
    const now = new Map([...files, ...updated]);
    expect(compare(now, calculateCase(now)).differences).toEqual([]);
  });

  it('writes all columns of a new file, and can read them again', () => {
    const files = filesOf({ 'deals.csv': 'deal,at,net,seller\n"#1, the ""first""",2026-01-10,100,NORD\n' });
    const now = new Map([...files, ...updatedFiles(files, calculateCase(files))]);
    expect(compare(now, calculateCase(now)).differences).toEqual([]);
  });
});

describe('an invalid file', () => {
  const row = (cells: string) => ({ 'deals.csv': `deal,fact,id,at,currency,net,seller,seller-share\n${cells}\n` });

  it.each([
    [
      row('D,booked,,2026-02-30,EUR,1,N,'),
      'deals.csv, row 2, at: "2026-02-30" is not a calendar date (YYYY-MM-DD) or an ISO 8601 instant with its offset',
    ],
    [row('D,sold,,2026-02-03,EUR,1,N,'), /^deals.csv, row 2, fact: "sold" is not one of registered, booked/],
    [row('D,booked,,2026-02-03,EUR,1.005,N,'), /^deals.csv, row 2, net: /],
    [row('D,booked,,2026-02-03,EUX,1,N,'), /^deals.csv, row 2, currency: /],
    [row('D,booked,,2026-02-03,EUR,1,N,0.4'), 'deals.csv, row 2, partners: of seller: the shares sum to 0.4, not to 1'],
    [row('D,booked,,2026-02-03,EUR,1,N'), 'deals.csv, row 2: has 7 cells, but the header has 8'],
    [
      row('D,booked,,2026-02-03,EUR,1,N,\nD,booked,,2026-02-04,EUR,1,N,'),
      /^deals.csv, row 2, at: differs between the rows/,
    ],
    [{ 'deals.csv': 'deal,net\nD,1\n' }, 'deals.csv, row 1, at: is missing; the file has the columns deal, net'],
    [
      { 'deals.csv': 'deal,at,sellr\nD,2026-01-01,N\n' },
      /^deals.csv, row 1, sellr: is not a column of this file: use one of deal, at, fact/,
    ],
    [{ 'lines.csv': 'payee,amount\nNORD,"1,000"\n' }, /^lines.csv, row 2, amount: /],
    [
      { 'partners.csv': 'partner,channel,from\nN,shop,\nM,retail,1.1.2026\n' },
      /^partners.csv, row 2, channel: must be one of retail/,
    ],
    [
      { 'partners.csv': 'partner,tier,until\nN,gold,2026-01-01\n' },
      /^partners.csv, row 2, until: needs a plan or certification in its row/,
    ],
    [
      { 'exchange-rates.csv': 'base,quote,date,rate\nEUR,USD,2026-01-01,0\n' },
      'exchange-rates.csv, row 2, rate: 0 is not greater than zero',
    ],
    [{ 'quotas.csv': 'payee,component,amount\nN,sales,many\n' }, /^quotas.csv, row 2, amount: /],
    [
      { 'reached.csv': 'payee,component,window,tier\nP1,sales,2026-01,1\n' },
      'reached.csv, row 2, component: "sales" is not a component with a frozen lagged rate',
    ],
    [
      { 'closings.csv': 'period\n2026-02\n2026-01\n' },
      'closings.csv, row 3, period: must be after 2026-02, the period in the row above',
    ],
    [
      { 'closings.csv': 'period\n2026-Q1\n' },
      'closings.csv, row 2, period: "2026-Q1" is not a period of any plan version in force',
    ],
    [{ 'plan.yaml': PLAN.replace('10 %', 'ten') }, /^plan.yaml:8:13: \/components\/0\/rate\/percent: /],
    [
      { 'plan@2026-01-01.yaml': PLAN.replace('EUR', 'USD') },
      'plan@2026-01-01.yaml: has the currency USD, but plan.yaml has EUR',
    ],
    [
      { 'plan@2026-01-01.yaml': PLAN.replace('plan: p', 'plan: q') },
      'plan@2026-01-01.yaml: has the plan id q, but plan.yaml has p',
    ],
    [{ 'plan.json': PLAN }, 'plan.json: applies from 2000-01-01, as plan.yaml does; name another day'],
  ])('is reported with file, row, column and reason: %j', (changes, message) => {
    expect(faultsOf(changes)[0]).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });
});
