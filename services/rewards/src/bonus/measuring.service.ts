/** From kept earnings to decisions on bonuses: the same way for what comes now and for what a late programme reads again. */
import type { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';

import type { Directory, Participant, PublishedProgramme } from '../programme/directory.service.js';
import { bonusStream, measuredBasisOf } from './bonus.js';
import type { BonusCommand, Eligibility } from './bonus.js';
import type { KeptEarnings } from '../ledger/ledger.js';
import { isEligible } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';
import { serviceContext } from '../runtimes.service.js';
import type { Runtimes } from '../runtimes.service.js';

/** A refusal, by the place of the earnings in the list. */
export interface RefusedEarnings {
  readonly index: number;
  readonly error: DomainError;
}

interface Asked {
  readonly index: number;
  readonly payee: string;
  readonly programme: Programme;
}

/**
 * Decides on the bonuses that these earnings change. The directory is read first: whoever calls has stored the earnings
 * in the ledger before, so that a programme which is not seen here finds them there.
 * @param onlyOf programme and payee (null: all) of a catch-up; every programme of the calendar if left out.
 */
export async function measure(
  runtimes: Runtimes,
  earnings: readonly KeptEarnings[],
  onlyOf?: { readonly programme: string; readonly payee: string | null },
): Promise<readonly RefusedEarnings[]> {
  const { directory } = runtimes;
  await directory.refresh();
  const work: Work<BonusCommand>[] = [];
  const asked: Asked[] = [];
  for (const [index, kept] of earnings.entries()) {
    if (onlyOf?.payee !== undefined && onlyOf.payee !== null && onlyOf.payee !== kept.payee) continue;
    for (const published of directory.programmesOf(kept.calendar, kept.currency)) {
      const { programme } = published;
      if (onlyOf !== undefined && onlyOf.programme !== programme.id) continue;
      const command = commandFor(runtimes, published, kept, onlyOf !== undefined);
      if (command === undefined) continue;
      const cause = `earnings:${kept.origin.stream}:${kept.origin.revision}:${kept.deal}`;
      work.push({
        stream: bonusStream(kept.payee, programme.id),
        command,
        context: serviceContext(cause, `${kept.origin.stream}:${kept.origin.revision}`),
      });
      asked.push({ index, payee: kept.payee, programme });
    }
  }
  if (work.length === 0) return [];
  const results = await runtimes.bonuses.handleMany(work);
  await directory.refresh();
  await decideEligibility(runtimes, changedMeanwhile(directory, work, asked));
  return results.flatMap((result, place) => {
    const index = asked[place]?.index;
    return result.outcome === 'refused' && index !== undefined ? [{ index, error: result.error }] : [];
  });
}

/** @returns undefined where the earnings do not concern the programme. */
function commandFor(
  { directory }: Runtimes,
  { programme, catchUps }: PublishedProgramme,
  kept: KeptEarnings,
  isCatchUp: boolean,
): Extract<BonusCommand, { readonly type: 'decide-bonus' }> | undefined {
  const { plans } = programme.document.measure;
  if (plans !== undefined && !plans.includes(kept.plan)) return undefined;
  const eligibility = eligibilityOf(programme, directory.participantOf(kept.payee));
  // Who is not eligible is not measured. Should that change, a catch-up reads it all again.
  if (eligibility.eligible === false) return undefined;
  const basis = measuredBasisOf(programme, kept);
  // While a catch-up is under way it may bring an older revision of the same deal, which must not win over this one.
  const mayBeOlderOnTheWay = !isCatchUp && catchUps.some(({ payee }) => payee === null || payee === kept.payee);
  return {
    type: 'decide-bonus',
    at: kept.at,
    payee: kept.payee,
    programme: programme.hash,
    earnings: { origin: kept.origin, deal: kept.deal, basis },
    eligibility,
    openFrom: directory.openFrom(kept.calendar),
    onlyIfHeld: isCatchUp || (kept.measured.length > 0 && !mayBeOlderOnTheWay),
  };
}

export function eligibilityOf(programme: Programme, participant: Participant): Eligibility {
  const eligible = isEligible(programme, participant.channel);
  // Where nothing is asked of the partner, its revisions do not matter.
  if (programme.document.eligible?.channel === undefined) return { partnerRevision: null, eligible };
  return { partnerRevision: participant.revision, eligible };
}

/**
 * Participants whose partner changed between looking and storing: who follows the partners may have looked at the bonus
 * before it was there, so it is done here.
 */
function changedMeanwhile(
  directory: Directory,
  work: readonly Work<BonusCommand>[],
  asked: readonly Asked[],
): readonly { readonly payee: string; readonly programme: Programme }[] {
  const changed = new Map<string, { readonly payee: string; readonly programme: Programme }>();
  for (const [place, { command, stream }] of work.entries()) {
    const one = asked[place];
    if (one === undefined || command.type !== 'decide-bonus') continue;
    const now = eligibilityOf(one.programme, directory.participantOf(one.payee));
    if (now.partnerRevision !== command.eligibility.partnerRevision) changed.set(stream, one);
  }
  return [...changed.values()];
}

/** Tells bonuses what is known of their participants now; one that measures nothing yet ignores it. */
export async function decideEligibility(
  runtimes: Runtimes,
  bonuses: readonly { readonly payee: string; readonly programme: Programme }[],
): Promise<void> {
  if (bonuses.length === 0) return;
  const { directory } = runtimes;
  const results = await runtimes.bonuses.handleMany(
    bonuses.map(({ payee, programme }) => {
      const eligibility = eligibilityOf(programme, directory.participantOf(payee));
      const cause = `eligibility:${payee}:${eligibility.partnerRevision ?? 'unknown'}`;
      return {
        stream: bonusStream(payee, programme.id),
        command: {
          type: 'decide-bonus',
          at: directory.participantOf(payee).at,
          payee,
          programme: programme.hash,
          earnings: null,
          eligibility,
          openFrom: directory.openFrom(programme.calendarKey),
        },
        context: serviceContext(cause, cause),
      };
    }),
  );
  for (const result of results) if (result.outcome === 'refused') throw result.error;
}
