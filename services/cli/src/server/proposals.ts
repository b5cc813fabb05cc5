/** Proposals of all services, each of which serves its own: the action in an id tells which. */
import { dataOf } from './client.js';
import type { Api, PageAnswer, PageQuery, Schemas } from './client.js';

export type Proposal = Schemas['ProposalRead'];

interface Routes {
  list(api: Api, query: PageQuery & { readonly state?: Proposal['state'] }): PageAnswer<Proposal>;
  find(api: Api, id: string): Promise<Proposal>;
  confirm(api: Api, id: string): Promise<Proposal>;
  reject(api: Api, id: string, body: { readonly reason?: string }): Promise<Proposal>;
}

const pathOf = (id: string) => ({ path: { id } });

const COMMISSION: Routes = {
  list: (api, query) => api.GET('/commission-proposals', { params: { query } }),
  find: (api, id) => dataOf(api.GET('/commission-proposals/{id}', { params: pathOf(id) })),
  confirm: (api, id) => dataOf(api.POST('/commission-proposals/{id}/confirm', { params: pathOf(id) })),
  reject: (api, id, body) => dataOf(api.POST('/commission-proposals/{id}/reject', { params: pathOf(id), body })),
};

const PARKED: Routes = {
  list: (api, query) => api.GET('/parked-proposals', { params: { query } }),
  find: (api, id) => dataOf(api.GET('/parked-proposals/{id}', { params: pathOf(id) })),
  confirm: (api, id) => dataOf(api.POST('/parked-proposals/{id}/confirm', { params: pathOf(id) })),
  reject: (api, id, body) => dataOf(api.POST('/parked-proposals/{id}/reject', { params: pathOf(id), body })),
};

const REFUSAL: Routes = {
  list: (api, query) => api.GET('/refusal-proposals', { params: { query } }),
  find: (api, id) => dataOf(api.GET('/refusal-proposals/{id}', { params: pathOf(id) })),
  confirm: (api, id) => dataOf(api.POST('/refusal-proposals/{id}/confirm', { params: pathOf(id) })),
  reject: (api, id, body) => dataOf(api.POST('/refusal-proposals/{id}/reject', { params: pathOf(id), body })),
};

/** Actions of other services than commission-calculation. */
const ROUTES_OF_ACTION: Readonly<Record<string, Routes>> = { 'discard-parked': PARKED, 'discard-refusal': REFUSAL };

const ALL = [COMMISSION, PARKED, REFUSAL];

/** @param id `action|subject|number` */
export function proposalRoutes(id: string): Routes {
  return ROUTES_OF_ACTION[id.split('|', 1)[0] ?? ''] ?? COMMISSION;
}

/** A page of the proposals of one service after another. */
export async function pageOfProposals(
  api: Api,
  { cursor = '0:', ...query }: PageQuery & { readonly state?: Proposal['state'] },
): PageAnswer<Proposal> {
  const index = Number(cursor.split(':', 1)[0]);
  const inner = cursor.slice(cursor.indexOf(':') + 1);
  const routes = ALL[index] ?? COMMISSION;
  const answer = await routes.list(api, inner === '' ? query : { ...query, cursor: inner });
  if (answer.data === undefined) return answer;
  const { next, ...page } = answer.data;
  const after = next !== undefined ? `${index}:${next}` : index + 1 < ALL.length ? `${index + 1}:` : undefined;
  return { ...answer, data: after === undefined ? page : { ...page, next: after } };
}
