/**
 * Whether two values are the same plain JSON, in any order of members. The same object on both sides is not compared
 * further. False also for values that only look alike and are not plain JSON: an undefined member, a Map, an instance
 * of a class.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isTree(one) || !isTree(other) || Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (Array.isArray(one) && Array.isArray(other)) {
    if (one.length !== other.length) return false;
    for (let index = 0; index < one.length; index++) if (!isSameJson(one[index], other[index])) return false;
    return true;
  }
  let names = 0;
  for (const name in one) {
    if (one[name] === undefined || !isSameJson(one[name], other[name])) return false;
    names += 1;
  }
  for (const _ in other) names -= 1;
  return names === 0;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
