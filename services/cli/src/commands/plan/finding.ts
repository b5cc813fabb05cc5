import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';

/**
 * A finding in the form that editors link to a line: `plan.yaml:3:5 warning RateAboveWhole at /components/0: …`, with
 * why it matters below.
 */
export function findingText(file: string, { line, column, severity, code, path, message, why }: Finding): string {
  const finding = `${file}:${line}:${column} ${severity} ${code} at ${path || '/'}: ${message}`;
  return why === undefined ? finding : `${finding}\n    ${why}`;
}
