/** Names of earning streams. */
export const EARNING = 'earning';

export function earningStream(payee: string, plan: string): string {
  return `${EARNING}-${payee}|${plan}`;
}

/** The payee and the plan's id, from the name of an earning stream. */
export function payeePlanOf(stream: string): { readonly payee: string; readonly plan: string } {
  const bar = stream.indexOf('|');
  return { payee: stream.slice(EARNING.length + 1, bar), plan: stream.slice(bar + 1) };
}

/** The plan's id, from the name of an earning stream. */
export function planOfEarningStream(stream: string): string {
  return payeePlanOf(stream).plan;
}
