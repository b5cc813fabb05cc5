/** Stable names of operations, made of method and path, so that renaming a method of a controller breaks no client. */

/**
 * `GET /deals` → `listDeals`, `GET /deals/{id}` → `getDeal`, `PUT /partners/{id}/tiers/{from}` → `putPartnerTier`,
 * `POST /plans` → `createPlan`, `POST /plans/{id}/versions/{version}/approve` → `approvePlanVersion`.
 */
export function operationIdOf(method: string, path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  const names = segments.flatMap((segment, index) => {
    if (segment.startsWith('{')) return [];
    return [segments[index + 1]?.startsWith('{') ? singular(segment) : segment];
  });
  const last = names.at(-1) ?? '';
  const endsWithParameter = segments.at(-1)?.startsWith('{') ?? false;
  const isList = !endsWithParameter && isPlural(last);
  if (method === 'post' && !endsWithParameter)
    return isList
      ? camelCase(['create', ...names.slice(0, -1).map(singular), singular(last)])
      : camelCase([last, ...names.slice(0, -1)]);
  if (method === 'get') return camelCase([isList ? 'list' : 'get', ...names]);
  return camelCase([method, ...names]);
}

function isPlural(word: string): boolean {
  return word.endsWith('s');
}

function singular(word: string): string {
  return word
    .replace(/ies$/, 'y')
    .replace(/uses$/, 'us')
    .replace(/s$/, (end, at: number) => (word[at - 1] === 'u' ? end : ''));
}

function camelCase(words: readonly string[]): string {
  return words
    .flatMap((word) => word.split('-'))
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
}
