import { Inject, Injectable } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';

import { Directory } from './programme/directory.service.js';
import { BONUS_TAILS, bonusDecider } from './bonus/bonus.js';
import type { BonusCommand, BonusEvent, BonusState } from './bonus/bonus.js';
import { rewardsLedger } from './ledger/ledger.js';
import type { LedgerCommand, LedgerEvent, LedgerState } from './ledger/ledger.js';
import { participant } from './participant/participant.js';
import type { ParticipantCommand, ParticipantEvent, ParticipantState } from './participant/participant.js';
import { rewardsCalendar, rewardsPeriod } from './period/period.js';
import type {
  CalendarCommand,
  CalendarEvent,
  CalendarState,
  PeriodCommand,
  PeriodEvent,
  PeriodState,
} from './period/period.js';
import { programme } from './programme/programme.js';
import type { ProgrammeCommand, ProgrammeEvent, ProgrammeState } from './programme/programme.js';

/** Bytes of bonuses in memory with the deals of every participant, and of those with their sums alone. */
const WHOLE_BONUSES_BYTES_MAX = 64 * 1024 * 1024;
const BONUS_TAIL_BYTES = 5000;
const BONUS_TAILS_BYTES_MAX = 64 * 1024 * 1024;

/** A stream of the ledger is written once, and maybe again after a crash. */
const LEDGER_BYTES_MAX = 1024 * 1024;

/** Bytes of the other states: they are few, or cheap to read again. */
const OTHERS_BYTES_MAX = 16 * 1024 * 1024;

export const ACTOR = 'service:rewards';

/** The deciders of rewards, over the store, and the directory that they look things up in. */
@Injectable()
export class Runtimes {
  readonly directory: Directory;
  readonly bonuses: Runtime<BonusState, BonusCommand, BonusEvent>;
  readonly programmes: Runtime<ProgrammeState, ProgrammeCommand, ProgrammeEvent>;
  readonly participants: Runtime<ParticipantState, ParticipantCommand, ParticipantEvent>;
  readonly ledger: Runtime<LedgerState, LedgerCommand, LedgerEvent>;
  readonly calendars: Runtime<CalendarState, CalendarCommand, CalendarEvent>;
  readonly periods: Runtime<PeriodState, PeriodCommand, PeriodEvent>;

  constructor(@Inject(EVENT_STORE) readonly store: EventStore) {
    this.directory = new Directory(store);
    const decider = bonusDecider((hash) => this.directory.programmeOf(hash));
    this.bonuses = createPartialStateRuntime({
      store,
      decider,
      partialStates: BONUS_TAILS,
      fullStateBytesMax: WHOLE_BONUSES_BYTES_MAX,
      partialStateBytes: BONUS_TAIL_BYTES,
      cacheBytesMax: BONUS_TAILS_BYTES_MAX,
    });
    const cacheBytesMax = OTHERS_BYTES_MAX;
    this.programmes = createRuntime({ store, decider: programme, cacheBytesMax });
    this.participants = createRuntime({ store, decider: participant, cacheBytesMax });
    this.ledger = createRuntime({ store, decider: rewardsLedger, cacheBytesMax: LEDGER_BYTES_MAX });
    this.calendars = createRuntime({ store, decider: rewardsCalendar, cacheBytesMax });
    this.periods = createRuntime({ store, decider: rewardsPeriod, cacheBytesMax });
  }
}

/** The context of what this service does by itself. */
export function serviceContext(cause: string, correlationId: string, causationId?: string): CommandContext {
  return { actor: ACTOR, correlationId, cause, ...(causationId === undefined ? {} : { causationId }) };
}
