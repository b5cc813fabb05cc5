/**
 * Generated histories for the benchmark: any number of deals in order of date, always the same for the same numbers.
 */

export const PLAN = `
plan: bench
title: Benchmark
pays: commission
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
rounding: half-up
components:
  - id: sales
    credit: { trigger: booked, to: seller, basis: net }
    measure: { over: quarter }
    rate:
      marginal: [{ below: 20000, pay: 4 % }, { below: 50000, pay: 6 % }, { pay: 8 % }]
    returns: { policy: line }
  - id: team
    credit: { override: [sales], of: basis, levels: [2 %, 1 %] }
`;

export const CALENDAR = 'monthly@Europe/Paris';
export const PERIOD = '2026-01';
const JANUARY_MS = Temporal.Instant.from('2026-01-01T00:00:00Z').epochMilliseconds;
const MONTH_MS = 30 * 24 * 3600 * 1000;

/** A tenth of the payees are uplines: every seller has two levels above. */
export function partnersOf(payees: number): string[] {
  const managers = Math.max(2, Math.floor(payees / 10));
  const directors = Math.max(1, Math.floor(managers / 10));
  return Array.from({ length: payees }, (_, index) => {
    const upline =
      index < directors
        ? null
        : index < managers
          ? `payee-${index % directors}`
          : `payee-${directors + (index % (managers - directors))}`;
    return JSON.stringify({
      id: `payee-${index}`,
      name: `Payee ${index}`,
      channel: 'retail',
      country: 'FR',
      tiers: [{ from: '2026-01-01', value: 'gold' }],
      uplines: [{ from: '2026-01-01', value: upline }],
      agreements: [{ id: `agreement-${index}`, plan: 'bench', from: '2026-01-01' }],
    });
  });
}

/** Facts of deals with two lines each, as chunks of NDJSON. Sellers alternate; amounts vary by a fixed rule. */
export function* dealsOf(deals: number, payees: number): Generator<string> {
  const managers = Math.max(2, Math.floor(payees / 10));
  const perChunk = 1000;
  for (let start = 0; start < deals; start += perChunk) {
    let chunk = '';
    for (let index = start; index < Math.min(deals, start + perChunk); index += 1) {
      const seller = managers + ((index * 7919) % (payees - managers));
      const cents = 1000 + ((index * 104_729) % 90_000);
      chunk += `${JSON.stringify({
        source: 'bench',
        deal: `D-${index}`,
        kind: 'booked',
        occurredAt: new Date(JANUARY_MS + Math.floor((index / deals) * MONTH_MS)).toISOString(),
        terms: {
          currency: 'EUR',
          lines: [
            { id: '1', category: 'hardware', quantity: '1', net: (cents / 100).toFixed(2) },
            { id: '2', category: 'service', quantity: '2', net: ((cents + 1234) / 100).toFixed(2) },
          ],
          partners: [{ role: 'seller', partner: `payee-${seller}` }],
        },
      })}\n`;
    }
    yield chunk;
  }
}
