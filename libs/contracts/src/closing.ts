/**
 * The closing of a period, and its reopening: lists of steps that commission-calculation, rewards and payouts reach one
 * after the other. Each service announces the steps that the others wait for as `closing-step` messages (ADR 27).
 */

/** In order: each waits for the one before. */
export const CLOSING_STEPS = [
  /** A second person has confirmed the closing. */
  'announced',
  /** Postings go into the next period from now on. */
  'sealed',
  /** What was under way at the seal is posted. */
  'inputs-drained',
  /** Every earning stream has closed the period; the manifest of commissions is published. */
  'earnings-closed',
  /** The same in rewards. */
  'rewards-closed',
  /** Payouts has received both manifests. */
  'manifest-published',
  'statements-issued',
  'closed',
] as const;
export type ClosingStepName = (typeof CLOSING_STEPS)[number];

/** In order: what withdraws a closing. */
export const REOPENING_STEPS = [
  /** A second person has confirmed it. */
  'reopening',
  'statements-withdrawn',
  /** Postings go into the period again. */
  'unsealed',
  'earnings-reopened',
  'rewards-reopened',
  'reopened',
] as const;
export type ReopeningStepName = (typeof REOPENING_STEPS)[number];

/** The steps that a service announces to the others. `approval-begun`: the closing cannot be reopened any more. */
export const ANNOUNCED_STEPS = {
  '/commission-calculation': ['reopening', 'unsealed'],
  '/rewards': ['rewards-closed', 'rewards-reopened'],
  '/payouts': ['manifest-published', 'statements-issued', 'approval-begun', 'statements-withdrawn'],
} as const satisfies Record<string, readonly (ClosingStepName | ReopeningStepName | 'approval-begun')[]>;

export type AnnouncedStep = (typeof ANNOUNCED_STEPS)[keyof typeof ANNOUNCED_STEPS][number];

/** True where the service may announce the step. @param source of the message: `/payouts` */
export function mayAnnounce(source: string, step: AnnouncedStep): boolean {
  const steps: Readonly<Record<string, readonly AnnouncedStep[]>> = ANNOUNCED_STEPS;
  return steps[source]?.includes(step) === true;
}

/** One closing of a period. */
export interface ClosingName {
  /** Calendar key: `monthly@Europe/Paris`. */
  readonly calendar: string;
  readonly period: string;
  /** Number of the closing: 2 where the period was reopened once. */
  readonly closing: number;
}

export interface ClosingStep extends ClosingName {
  readonly step: AnnouncedStep;
}
