/** Decides on the bonuses that earnings change: new earnings, and those that a catch-up reads from the ledger. */
import type { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';

import { bonusStream, measuredBasisOf } from './bonus.js';
import type { BonusCommand, Eligibility } from './bonus.js';
import type { Bonuses } from './bonuses.service.js';
import type { Participant, PublishedProgramme, ReferenceData } from './reference-data.service.js';
import type { ReceivedEarnings } from '../ledger/earnings-ledger.js';
import { isEligible } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';
import { serviceContext } from '../service-context.js';

/** A refusal, with the index of the earnings in the list. */
export interface RefusedEarnings {
  readonly index: number;
  readonly error: DomainError;
}

type DecideBonus = Extract<BonusCommand, { readonly type: 'decide-bonus' }>;

interface Decision extends Work<DecideBonus> {
  /** Index of the earnings. */
  readonly index: number;
  readonly payee: string;
  readonly programme: Programme;
}

/**
 * Decides on the bonuses that these earnings change. The caller has already stored the earnings in the ledger, where a
 * programme finds them that is published after the reference data was read.
 * @param onlyOf the programme and payee (null: all) of a catch-up; without it every programme of the calendar.
 */
export async function measure(
  bonuses: Bonuses,
  earnings: readonly ReceivedEarnings[],
  onlyOf?: { readonly programme: string; readonly payee: string | null },
): Promise<readonly RefusedEarnings[]> {
  const { referenceData } = bonuses;
  await referenceData.refresh();
  const decisions: Decision[] = [];
  for (const [index, received] of earnings.entries()) {
    if (onlyOf !== undefined && onlyOf.payee !== null && onlyOf.payee !== received.payee) continue;
    for (const published of referenceData.programmesOf(received.calendar, received.currency)) {
      const { programme } = published;
      if (onlyOf !== undefined && onlyOf.programme !== programme.id) continue;
      const command = commandFor(referenceData, published, received, onlyOf !== undefined);
      if (command === undefined) continue;
      const { stream, revision } = received.origin;
      decisions.push({
        stream: bonusStream(received.payee, programme.id),
        command,
        context: serviceContext(`earnings:${stream}:${revision}:${received.deal}`, `${stream}:${revision}`),
        index,
        payee: received.payee,
        programme,
      });
    }
  }
  if (decisions.length === 0) return [];
  const results = await bonuses.runtime.handleMany(decisions);
  await referenceData.refresh();
  await decideEligibility(bonuses, changedMeanwhile(referenceData, decisions));
  return results.flatMap((result, place) => {
    const index = decisions[place]?.index;
    return result.outcome === 'refused' && index !== undefined ? [{ index, error: result.error }] : [];
  });
}

/** @returns undefined if the earnings do not concern the programme. */
function commandFor(
  referenceData: ReferenceData,
  { programme, catchUps }: PublishedProgramme,
  earnings: ReceivedEarnings,
  isCatchUp: boolean,
): DecideBonus | undefined {
  const { plans } = programme.document.measure;
  if (plans !== undefined && !plans.includes(earnings.plan)) return undefined;
  const eligibility = eligibilityOf(programme, referenceData.participantOf(earnings.payee));
  // A payee that is not eligible is not measured. If that changes, a catch-up reads all its earnings again.
  if (eligibility.eligible === false) return undefined;
  const basis = measuredBasisOf(programme, earnings);
  // A catch-up under way may bring an older revision of the same deal, which must not replace this one.
  const mayBringOlder = !isCatchUp && catchUps.some(({ payee }) => payee === null || payee === earnings.payee);
  return {
    type: 'decide-bonus',
    at: earnings.at,
    payee: earnings.payee,
    programme: programme.hash,
    earnings: { origin: earnings.origin, deal: earnings.deal, basis },
    eligibility,
    openFrom: referenceData.openFrom(earnings.calendar),
    onlyIfMeasuredBefore: isCatchUp || (earnings.measured.length > 0 && !mayBringOlder),
  };
}

export function eligibilityOf(programme: Programme, participant: Participant): Eligibility {
  const eligible = isEligible(programme, participant.channel);
  // Revisions of the partner do not matter if everybody is eligible.
  if (programme.document.eligible?.channel === undefined) return { partnerRevision: null, eligible };
  return { partnerRevision: participant.revision, eligible };
}

/**
 * Bonuses whose partner changed between the decision and its append. The process that follows participants may have
 * handled that change before the bonus existed, so it is applied here as well.
 */
function changedMeanwhile(
  referenceData: ReferenceData,
  decisions: readonly Decision[],
): readonly { readonly payee: string; readonly programme: Programme }[] {
  const changed = new Map<string, { readonly payee: string; readonly programme: Programme }>();
  for (const { stream, command, payee, programme } of decisions) {
    const now = eligibilityOf(programme, referenceData.participantOf(payee));
    if (now.partnerRevision !== command.eligibility.partnerRevision) changed.set(stream, { payee, programme });
  }
  return [...changed.values()];
}

/** Decides on the current eligibility of these bonuses; a bonus that has measured nothing yet ignores it. */
export async function decideEligibility(
  { runtime, referenceData }: Bonuses,
  bonuses: readonly { readonly payee: string; readonly programme: Programme }[],
): Promise<void> {
  if (bonuses.length === 0) return;
  const results = await runtime.handleMany(
    bonuses.map(({ payee, programme }) => {
      const participant = referenceData.participantOf(payee);
      const eligibility = eligibilityOf(programme, participant);
      const cause = `eligibility:${payee}:${eligibility.partnerRevision ?? 'unknown'}`;
      return {
        stream: bonusStream(payee, programme.id),
        command: {
          type: 'decide-bonus',
          at: participant.at,
          payee,
          programme: programme.hash,
          earnings: null,
          eligibility,
          openFrom: referenceData.openFrom(programme.calendarKey),
        },
        context: serviceContext(cause, cause),
      };
    }),
  );
  for (const result of results) if (result.outcome === 'refused') throw result.error;
}
