import type { Finding } from '@tantieme/commission-engine/plan';

/** A finding as editors read it: `plan.yaml:3:5 warning RateAboveWhole at /components/0: …`. */
export function findingText(file: string, { line, column, severity, code, path, message }: Finding): string {
  return `${file}:${line}:${column} ${severity} ${code} at ${path || '/'}: ${message}`;
}
