import countries from 'i18n-iso-countries';

const CODES: ReadonlySet<string> = new Set(Object.keys(countries.getAlpha2Codes()));

/** Whether ISO 3166-1 assigns the code to a country. Lists change: an unknown code is a warning, never a refusal. */
export function isKnownCountry(code: string): boolean {
  return CODES.has(code);
}
