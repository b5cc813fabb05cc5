/** The versions of a plan as the server tells of them. */
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import { print, printJson } from '../output.js';

export interface Deed {
  readonly by: string;
  /** ISO 8601 instant. */
  readonly at: string;
}

export interface ListedVersion {
  readonly version: number;
  readonly state: 'draft' | 'approved' | 'published' | 'superseded' | 'ended';
  readonly hash: string;
  readonly drafted: Deed;
  readonly approved?: Deed;
  readonly published?: Deed & { readonly effectiveFrom: string };
  readonly findings: readonly Finding[];
}

export interface ListedPlan {
  readonly plan: string;
  readonly title: string;
  readonly ended?: Deed & { readonly lastDay: string };
  readonly versions: readonly ListedVersion[];
}

export type PlanVersion = ListedVersion & Pick<ListedPlan, 'plan'>;

export function versionPath(plan: string, version: string): string {
  return `/plans/${encodeURIComponent(plan)}/versions/${encodeURIComponent(version)}`;
}

export function printVersion(version: PlanVersion, json: boolean | undefined): void {
  if (json) printJson(version);
  else print(versionText(version));
}

function versionText({ plan, version, state, drafted, approved, published }: PlanVersion): string {
  const from = published === undefined ? '' : ` from ${published.effectiveFrom}`;
  const deeds = [
    `drafted by ${drafted.by}`,
    ...(approved === undefined ? [] : [`approved by ${approved.by}`]),
    ...(published === undefined ? [] : [`published by ${published.by}`]),
  ];
  return `${plan} version ${version}: ${state}${from}, ${deeds.join(', ')}`;
}
