/**
 * The groups of the API's operations, for the OpenAPI document: each tag that a controller names, with its description.
 */
export const API_TAGS: Readonly<Record<string, string>> = {
  partners: 'Who the partners are: their channel, tiers, uplines, agreements and certifications',
  deals: 'Facts about deals from CRM, ERP and shop: what was recorded, and what was refused',
  imports: 'Deals in bulk, from CSV and NDJSON',
  refusals: 'Facts that were refused, each with its reason',
  plans: 'Commission plans and their versions: draft, check, approve, publish, end',
  periods: 'Periods of the calendars, and their closing',
  earnings: 'What payees earned, and how each line came about',
  credits: 'Credits of deals, and the deals that wait for reference data',
  references: 'Exchange rates and quotas',
  rewards: 'Bonus programmes and their bonuses',
  programmes: 'Bonus programmes',
  bonuses: 'Bonuses of partners under the programmes',
  statements: 'Statements of payees: list, approve, export',
  payouts: 'Statements, payouts, payments and balances',
  health: 'Whether the process is alive, ready and up to date',
};
