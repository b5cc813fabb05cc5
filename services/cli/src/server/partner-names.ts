/** Names of partners, shown beside their ids. */
import { dataOf, RequestRefused } from './client.js';
import type { Api } from './client.js';

/** The names of these partners; ids that are unknown, or that the caller may not read, have none. */
export async function partnerNames(api: Api, ids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const id of new Set(ids)) {
    try {
      const { name } = await dataOf(api.GET('/partners/{id}', { params: { path: { id } } }));
      names.set(id, name);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      // Not allowed for one is not allowed for the others.
      if (error.status === 403) break;
    }
  }
  return names;
}
