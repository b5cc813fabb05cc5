/** Words for references to things that do not exist: they are accepted, because the other side may come later. */

export function unknownCountry(country: string): string {
  return `${country} is not in ISO 3166-1`;
}

export function unknownUpline(upline: string): string {
  return `no partner ${upline} is registered`;
}
