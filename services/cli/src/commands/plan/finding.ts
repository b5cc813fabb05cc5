import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';

/** A finding as editors read it: `plan.yaml:3:5 warning RateAboveWhole at /components/0: …`, and below it why it matters. */
export function findingText(file: string, { line, column, severity, code, path, message, why }: Finding): string {
  const finding = `${file}:${line}:${column} ${severity} ${code} at ${path || '/'}: ${message}`;
  return why === undefined ? finding : `${finding}\n    ${why}`;
}
