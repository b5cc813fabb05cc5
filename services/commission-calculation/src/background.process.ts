/** What runs behind the API, in the order in which it starts. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { startFollower } from '@tantieme/event-sourcing/process/follower';
import type { RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { metadataOf, startRelay } from '@tantieme/event-sourcing/process/relay';
import type { RunningProcess } from '@tantieme/event-sourcing/process/running-process';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { Closing, CLOSINGS } from './period/closing.process.js';
import { DealDependencies, FOLLOWED } from './credit/deal-dependencies.service.js';
import type { DependencyTables } from './credit/deal-dependencies.service.js';
import { CALENDAR } from './period/calendar.js';
import { Backpressure } from './backpressure.service.js';
import { CREDITS_RELAYED, EARNINGS_RELAYED, toMessages } from './events-out.js';
import { startCrediting, startEarning, startReferences } from './inputs.consumer.js';
import { createReadModel } from './ledger.tables.js';
import { waitingProjection } from './credit/pending-deals.projection.js';
import type { WaitingTables } from './credit/pending-deals.tables.js';
import type { CommissionTables } from './ledger.tables.js';
import { Runtimes } from './runtimes.service.js';

@Injectable()
export class CommissionBackground implements OnModuleInit {
  private readonly logger = new Logger('commission-calculation');
  private readonly running = new Map<string, RunningProcess>();
  private readonly pace: Backpressure;

  constructor(
    @Inject(Background) private readonly background: Background,
    @Inject(Runtimes) private readonly runtimes: Runtimes,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(DATABASE) private readonly db: Kysely<CommissionTables & DependencyTables & WaitingTables>,
  ) {
    this.pace = new Backpressure(runtimes.store, () => this.running.values());
  }

  onModuleInit(): void {
    const { runtimes, broker, db } = this;
    const { store } = runtimes;
    const onError = (name: string) => (error: unknown) => this.logger.error(error, `${name} failed`);

    this.follow('commission-read-model', () =>
      startProjection({ store, db, projection: createReadModel(), onError: onError('commission-read-model') }),
    );
    this.follow('commission-waiting', () =>
      startProjection({ store, db, projection: waitingProjection, onError: onError('commission-waiting') }),
    );
    // Two, as credits and earnings may be made in different threads.
    const relays = { 'commission-credit-relay': CREDITS_RELAYED, 'commission-relay': EARNINGS_RELAYED };
    for (const [name, filter] of Object.entries(relays))
      this.follow(name, () => startRelay({ store, broker, db, name, filter, toMessages, onError: onError(name) }));
    this.follow('commission-index', () => {
      const index = new DealDependencies(db, runtimes);
      return startFollower({
        store,
        db,
        name: 'commission-index',
        filter: FOLLOWED,
        prepare: async () => {
          // While another replica followed the log, nobody here told the books of new facts.
          runtimes.partnerBook.forget();
          runtimes.rateBook.forget();
          await runtimes.planBook.refill();
          await index.migrate();
        },
        handle: (events) => index.follow(events),
        onError: onError('commission-index'),
      });
    });
    this.consume('commission-reference', (common) =>
      startReferences(common, runtimes.references, runtimes.partnerBook, runtimes.referenceIntake),
    );
    this.consume('commission-credit', (common) => startCrediting(common, runtimes.crediting));
    this.consume('commission-earn', (common) =>
      startEarning(common, runtimes.earning, runtimes.budgets, runtimes.accounts),
    );
    this.background.add('commission-closing', () => this.startClosing(onError('commission-closing')));
  }

  private follow(name: string, start: () => RunningProcess | Promise<RunningProcess>): void {
    this.background.add(name, async () => {
      const running = await start();
      this.running.set(name, running);
      return {
        ...running,
        stop: () => {
          this.running.delete(name);
          return running.stop();
        },
      };
    });
  }

  private consume(
    name: string,
    start: (common: {
      readonly broker: Broker;
      readonly pace: Backpressure;
      readonly onError: (error: unknown) => void;
    }) => RunningConsumer,
  ): void {
    this.background.add(
      name,
      () =>
        start({
          broker: this.broker,
          pace: this.pace,
          onError: (error) => this.logger.error(error, `${name} failed`),
        }),
      'every-replica',
    );
  }

  /** A closing runs inside of the follower of its beginning: the checkpoint moves on when it is done, and not before. */
  private startClosing(onError: (error: unknown) => void): RunningProcess {
    const stopping = new AbortController();
    const closing = new Closing(this.runtimes, this.broker, this.db, (work, position, signal) =>
      this.background.reached(work, position, signal),
    );
    const follower = startFollower({
      store: this.runtimes.store,
      db: this.db,
      name: 'commission-closing',
      filter: CLOSINGS,
      batchSize: 1,
      handle: async (events: readonly StoredEvent[]) => {
        for (const event of events)
          await closing.run(event.stream.slice(CALENDAR.length + 1), metadataOf(event).correlationId, stopping.signal);
      },
      onError: (error) => {
        if (!stopping.signal.aborted) onError(error);
      },
    });
    return {
      ...follower,
      stop: () => {
        stopping.abort();
        return follower.stop();
      },
    };
  }
}
