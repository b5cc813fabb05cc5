import { Inject, Injectable } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { periodMessages } from './period.events-out.js';
import { periodDecider, periodStream } from './period.js';
import type { PeriodCommand, PeriodEvent, PeriodName, PeriodState } from './period.js';
import { PERIODS_BYTES_MAX } from '../limits.js';

@Injectable()
export class Periods {
  private readonly runtime: Runtime<PeriodState, PeriodCommand & PeriodName, PeriodEvent>;

  constructor(@Inject(EVENT_STORE) store: EventStore) {
    this.runtime = createRuntime({
      store,
      decider: periodDecider,
      cacheBytesMax: PERIODS_BYTES_MAX,
      messagesOf: periodMessages,
    });
  }

  async state(calendar: string, period: string): Promise<PeriodState> {
    return (await this.runtime.load(periodStream(calendar, period))).state;
  }

  /** @throws {DomainError} what the decider refuses */
  async handle(calendar: string, period: string, command: PeriodCommand, context: CommandContext): Promise<void> {
    await this.runtime.handle(periodStream(calendar, period), { ...command, calendar, period }, context);
  }
}
