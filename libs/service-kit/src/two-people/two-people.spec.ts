import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Kysely } from 'kysely';
import { mintToken } from '../access/development-issuer.js';
import type { Role } from '../access/auth.js';
import { createApplication } from '../application/application.js';
import { Background } from '../background/background.js';
import { loadConfig } from '../runtime/config.js';
import { DATABASE, EVENT_STORE } from '../runtime/runtime-tokens.js';
import { withDocumentedAnswers } from '../testing/documented-answers.fixture.js';
import type { Proposal } from './proposal.js';
import { proposalsController } from './proposal.controller.js';
import type { ProposalTables } from './proposal.tables.js';
import { Proposals } from './proposals.js';

/** An account with a balance, which two people empty. */
class Till {
  balance = '10.00';
  emptied: string[] = [];
  /** What emptying it does first. */
  before: () => void = () => undefined;
}

const PROPOSALS = Symbol('PROPOSALS');

@Module({})
class TillModule {
  static of(till: Till): DynamicModule {
    return {
      module: TillModule,
      controllers: [proposalsController('till-proposals', PROPOSALS)],
      providers: [
        {
          provide: PROPOSALS,
          useFactory: (store: EventStore, db: Kysely<ProposalTables>, background: Background) =>
            new Proposals({
              service: 'till',
              store,
              db,
              background,
              actions: [
                {
                  name: 'empty-till',
                  confirmers: ['approver', 'finance'],
                  read: async () => ({ balance: till.balance }),
                  carryOut: async ({ subject }, { cause, actor }) => {
                    till.before();
                    if (!till.emptied.includes(cause)) till.emptied.push(cause);
                    till.balance = '0.00';
                    expect([subject, actor]).toEqual(['front desk', 'ada']);
                  },
                },
              ],
            }),
          inject: [EVENT_STORE, DATABASE, Background],
        },
      ],
    };
  }
}

class Shop {
  private constructor(
    readonly directory: string,
    readonly application: Awaited<ReturnType<typeof createApplication>>,
  ) {}

  static async open(till: Till, directory = mkdtempSync(join(tmpdir(), 'two-people-'))): Promise<Shop> {
    const config = loadConfig({}, { dataDirectory: directory, logLevel: 'fatal' });
    return new Shop(directory, await createApplication(withDocumentedAnswers(TillModule.of(till)), config));
  }

  async propose(by = 'fiona'): Promise<Proposal> {
    const context = { actor: by, correlationId: 'c', cause: `c ${by} ${Math.random()}` };
    return this.application.get<Proposals>(PROPOSALS).propose('empty-till', 'front desk', {}, context);
  }

  async call<Body = Proposal & { readonly code?: string }>(
    who: readonly [subject: string, ...roles: Role[]],
    method: 'GET' | 'POST',
    url: string,
    payload?: object,
  ): Promise<{ readonly status: number; readonly body: Body }> {
    const [subject, ...roles] = who;
    const token = await mintToken({ dataDirectory: this.directory, subject, roles });
    const headers = { authorization: `Bearer ${token}` };
    const answer = await this.application.inject({ method, url, headers, ...(payload ? { payload } : {}) });
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Body };
  }

  confirm(who: readonly [subject: string, ...roles: Role[]], { id }: Proposal) {
    return this.call(who, 'POST', `/till-proposals/${encodeURIComponent(id)}/confirm`);
  }

  async state({ id }: Proposal): Promise<string> {
    return (await this.call(['au', 'auditor'], 'GET', `/till-proposals/${encodeURIComponent(id)}`)).body.state;
  }

  close(): Promise<void> {
    return this.application.close();
  }
}

const shops: Shop[] = [];
async function open(till: Till, directory?: string): Promise<Shop> {
  const shop = await Shop.open(till, directory);
  shops.push(shop);
  return shop;
}
afterEach(async () => {
  for (const shop of shops.splice(0)) {
    await shop.close();
    rmSync(shop.directory, { recursive: true, force: true });
  }
});

describe('an action that needs two people', () => {
  it('is carried out when somebody else confirms it, once', async () => {
    const till = new Till();
    const shop = await open(till);
    const proposal = await shop.propose();
    expect(proposal).toMatchObject({ state: 'open', read: { balance: '10.00' }, proposedBy: 'fiona' });
    expect((await shop.confirm(['Fiona ', 'finance'], proposal)).body.code).toBe('SecondPersonNeeded');
    expect((await shop.confirm(['olga', 'operator'], proposal)).body.code).toBe('RoleMissing');
    expect(till.emptied).toEqual([]);
    const { body } = await shop.confirm(['ada', 'approver'], proposal);
    expect(body).toMatchObject({ state: 'done', decidedBy: 'ada' });
    expect(till.balance).toBe('0.00');
    // The balance that was read has changed by then: a repeated confirmation must not mind.
    expect((await shop.confirm(['ada', 'approver'], proposal)).body.state).toBe('done');
    expect(till.emptied).toHaveLength(1);
  });

  it('is not carried out when what was read has changed', async () => {
    const till = new Till();
    const shop = await open(till);
    const proposal = await shop.propose();
    till.balance = '11.00';
    const { status, body } = await shop.confirm(['ada', 'approver'], proposal);
    expect([status, body.code]).toEqual([409, 'ProposalChanged']);
    expect(till.emptied).toEqual([]);
    const again = await shop.propose();
    expect(again.number).toBe(2);
    expect((await shop.confirm(['ada', 'approver'], proposal)).body.code).toBe('ProposalSuperseded');
    expect((await shop.confirm(['ada', 'approver'], again)).body.state).toBe('done');
  });

  it('is completed after a crash between the confirmation and its effect', async () => {
    const till = new Till();
    let shop = await open(till);
    const proposal = await shop.propose();
    till.before = () => {
      throw new Error('killed');
    };
    expect((await shop.confirm(['ada', 'approver'], proposal)).status).toBe(500);
    expect(await shop.state(proposal)).toBe('confirmed');
    await shop.close();
    till.before = () => undefined;
    shop = await open(till, shop.directory);
    while ((await shop.state(proposal)) !== 'done') await pause(10);
    expect(till.emptied).toHaveLength(1);
  });

  it('says why it could not be carried out', async () => {
    const till = new Till();
    const shop = await open(till);
    const proposal = await shop.propose();
    till.before = () => {
      throw new DomainError('TillLocked', 'the till is locked', 'conflict');
    };
    const { body } = await shop.confirm(['ada', 'approver'], proposal);
    expect(body).toMatchObject({ state: 'refused', refusal: { code: 'TillLocked', message: 'the till is locked' } });
  });

  it('is listed with its history', async () => {
    const till = new Till();
    const shop = await open(till);
    const first = await shop.propose();
    till.balance = '11.00';
    const second = await shop.propose();
    const path = `/till-proposals/${encodeURIComponent(second.id)}/reject`;
    const rejected = await shop.call(['ada', 'approver'], 'POST', path, { reason: 'count again' });
    expect(rejected.body).toMatchObject({ state: 'rejected', reason: 'count again' });
    for (;;) {
      const { body } = await shop.call<{ items: Proposal[] }>(['au', 'auditor'], 'GET', '/till-proposals');
      if (body.items[0]?.state === 'rejected') {
        expect(body.items.map(({ id, state }) => [id, state])).toEqual([
          [second.id, 'rejected'],
          [first.id, 'superseded'],
        ]);
        break;
      }
      await pause(10);
    }
    const rejectedOnly = await shop.call<{ items: Proposal[] }>(
      ['au', 'auditor'],
      'GET',
      '/till-proposals?state=superseded',
    );
    expect(rejectedOnly.body.items.map(({ id }) => id)).toEqual([first.id]);
    expect(await shop.state(first)).toBe('superseded');
    const missing = await shop.call(['au', 'auditor'], 'GET', '/till-proposals/empty-till%7Cfront%20desk%7C9');
    expect([missing.status, missing.body.code]).toEqual([404, 'ProposalUnknown']);
  });
});
