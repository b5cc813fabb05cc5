/**
 * The groups of the API's operations, for the OpenAPI document: each tag that a controller names, with its description.
 */
export const API_TAGS: Readonly<Record<string, string>> = {
  partners: 'Who the partners are: their channel, tiers, uplines, agreements and certifications',
  proposals:
    'What one person proposed and another confirms or rejects: closings and other actions that need two people',
  deals: 'Facts about deals from CRM, ERP and shop: what was recorded, and what was refused',
  imports: 'Deals in bulk, from CSV and NDJSON',
  refusals: 'Facts that were refused, each with its reason',
  plans: 'Commission plans and their versions: draft, check, approve, publish, end',
  periods: 'Periods of the calendars, and their closing',
  earnings: 'What payees earned, and how each line came about',
  'pending-deals': 'Deals that cannot be calculated yet, and what each one needs',
  references: 'Exchange rates and quotas, and references to names that do not exist',
  rewards: 'Bonus programmes and their bonuses',
  statements: 'Statements of payees: list, approve, export',
  payouts: 'Payouts, payments and balances',
  parked: 'What a process refused for good and set aside: list, retry, discard',
  health: 'Whether the process is alive, ready and up to date',
};
