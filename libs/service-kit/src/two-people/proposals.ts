import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { RequestContext, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { metadataOf, parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Principal, Role } from '../access/auth.js';
import type { Background } from '../background/background.js';
import { decodeCursor, pageOf } from '../http/cursor.js';
import type { Page } from '../http/cursor.js';
import { parseProposalId, PROPOSAL, PROPOSAL_EVENTS, proposalDecider, proposalUnknown } from './proposal.js';
import type {
  JsonObject,
  Proposal,
  ProposalCommand,
  ProposalEvent,
  ProposalState,
  ProposalStreamState,
} from './proposal.js';
import { proposalProjection, proposalStream, proposalTable } from './proposal.tables.js';
import type { ProposalTables } from './proposal.tables.js';
import { PROPOSALS_BYTES_MAX } from '../limits.js';

/** An action that needs two people. */
export interface TwoPersonAction {
  /** `close-period`: lower case, words joined by hyphens. */
  readonly name: string;
  /** Roles that may confirm or reject it. Who may propose it, its own route says. */
  readonly confirmers: readonly Role[];
  /**
   * The revisions and totals on which the action depends, as they are now. The second person confirms only what the
   * first one read.
   * @throws {DomainError} where the action is not possible
   */
  read(subject: string, request: JsonObject): Promise<JsonObject>;
  /**
   * Carries the action out. Called again after a crash, and perhaps by two processes at once: must be idempotent.
   * @throws {DomainError} where the action is no longer possible; the proposal is refused then
   */
  carryOut(proposal: Proposal, context: RequestContext): Promise<void>;
}

export interface ProposalsFilter {
  readonly state?: ProposalState | undefined;
  readonly action?: string | undefined;
}

/** The proposals of one service. Adds its background work: the list, and what a crash left to be carried out. */
export class Proposals {
  private readonly runtime: Runtime<ProposalStreamState, ProposalCommand, ProposalEvent>;
  private readonly table: string;

  constructor(
    private readonly on: {
      /** First part of the names of its work and tables: `commission`. */
      readonly service: string;
      readonly store: EventStore;
      readonly db: Kysely<ProposalTables>;
      readonly background: Pick<Background, 'add'>;
      readonly actions: readonly TwoPersonAction[];
    },
  ) {
    const { service, store, db, background } = on;
    this.table = proposalTable(service);
    this.runtime = createRuntime({ store, decider: proposalDecider, cacheBytesMax: PROPOSALS_BYTES_MAX });
    background.add(projectionProcess(db, proposalProjection(service)));
    background.add({
      name: `${service}-confirmed-proposals`,
      replicas: 'one-replica',
      source: logSource({ categories: [PROPOSAL], types: ['ProposalConfirmed'] }),
      step: (events) => this.carryOutConfirmed(events),
    });
  }

  /** Repeating an open proposal returns it; other figures or parameters make a new one, which replaces it. */
  async propose(action: string, subject: string, request: JsonObject, context: RequestContext): Promise<Proposal> {
    const read = await this.actionOf(action).read(subject, request);
    const { state } = await this.runtime.handle(
      this.streamOf(action, subject),
      { type: 'propose', action, subject, request, read, by: context.actor, at: new Date().toISOString() },
      context,
    );
    return known(state.newest);
  }

  /**
   * Confirms a proposal and carries it out.
   * @throws {DomainError} `ProposalUnknown`, `ProposalSuperseded`, `ProposalDecided`, `ProposalChanged`,
   * `SecondPersonNeeded`, `RoleMissing`
   */
  async confirm(id: string, caller: Principal, context: RequestContext): Promise<Proposal> {
    const { stream, number, action, newest } = await this.locate(id, caller);
    // Only an open proposal is compared with the present: carrying it out has changed what it read.
    const isOpen = newest?.number === number && newest.state === 'open';
    const read = isOpen ? await action.read(newest.subject, newest.request) : {};
    const by = context.actor;
    await this.runtime.handle(stream, { type: 'confirm', number, read, by, at: new Date().toISOString() }, context);
    return this.carryOut(stream, context.correlationId);
  }

  /** @throws {DomainError} `ProposalUnknown`, `ProposalSuperseded`, `ProposalDecided`, `RoleMissing` */
  async reject(id: string, reason: string | undefined, caller: Principal, context: RequestContext): Promise<Proposal> {
    const { stream, number } = await this.locate(id, caller);
    const command = { type: 'reject', number, reason, by: context.actor, at: new Date().toISOString() } as const;
    return known((await this.runtime.handle(stream, command, context)).state.newest);
  }

  /** @throws {DomainError} `ProposalUnknown` */
  async find(id: string): Promise<Proposal> {
    const name = parseProposalId(id);
    if (name === undefined) throw proposalUnknown();
    const { newest } = (await this.runtime.load(this.streamOf(name.action, name.subject))).state;
    if (newest?.number === name.number) return newest;
    const row = await this.on.db.selectFrom(this.table).select('document').where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw proposalUnknown();
    return JSON.parse(row.document) as Proposal;
  }

  /** Newest first. */
  async list(filter: ProposalsFilter, limit: number, cursor: string | undefined): Promise<Page<Proposal>> {
    const after = decodeCursor(cursor, 2);
    let query = this.on.db.selectFrom(this.table).select(['id', 'proposed_at', 'document']);
    for (const column of ['state', 'action'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined) query = query.where(sql<boolean>`(proposed_at, id) < (${sql.join([...after])})`);
    const rows = await query
      .orderBy('proposed_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ proposed_at: proposedAt, id }) => [proposedAt, id]);
    return { ...page, items: page.items.map(({ document }) => JSON.parse(document) as Proposal) };
  }

  /** Confirmations whose action a crash interrupted. */
  private async carryOutConfirmed(events: readonly StoredEvent[]): Promise<void> {
    for (const stored of events) {
      if (!stored.stream.startsWith(proposalStream(this.on.service, '', '').slice(0, -1))) continue;
      const { number } = parseDomainEvent<ProposalEvent>(stored, PROPOSAL_EVENTS).data;
      const { newest } = (await this.runtime.load(stored.stream)).state;
      if (newest?.number === number) await this.carryOut(stored.stream, metadataOf(stored).correlationId);
    }
  }

  private async carryOut(stream: string, correlationId: string): Promise<Proposal> {
    const proposal = known((await this.runtime.load(stream)).state.newest);
    if (proposal.state !== 'confirmed') return proposal;
    const cause = `${stream}|${proposal.number}`;
    const context = { actor: proposal.decidedBy ?? '', correlationId, cause };
    let refusal: { readonly code: string; readonly message: string } | undefined;
    try {
      await this.actionOf(proposal.action).carryOut(proposal, context);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      refusal = { code: error.code, message: error.message };
    }
    const { number } = proposal;
    const finish = { type: 'finish', number, refusal, at: proposal.decidedAt ?? '' } as const;
    return known((await this.runtime.handle(stream, finish, context)).state.newest);
  }

  /** @throws {DomainError} `ProposalUnknown`, `RoleMissing` */
  private async locate(
    id: string,
    caller: Principal,
  ): Promise<{
    readonly stream: string;
    readonly number: number;
    readonly action: TwoPersonAction;
    readonly newest: Proposal | undefined;
  }> {
    const name = parseProposalId(id);
    const action = this.on.actions.find((one) => one.name === name?.action);
    if (name === undefined || action === undefined) throw proposalUnknown();
    if (!caller.roles.some((role) => action.confirmers.includes(role)))
      throw new DomainError(
        'RoleMissing',
        `needs one of the roles ${action.confirmers.join(', ')}; your token has: ${caller.roles.join(', ')}`,
        'forbidden',
      );
    const stream = this.streamOf(name.action, name.subject);
    return { stream, number: name.number, action, newest: (await this.runtime.load(stream)).state.newest };
  }

  private streamOf(action: string, subject: string): string {
    return proposalStream(this.on.service, action, subject);
  }

  private actionOf(name: string): TwoPersonAction {
    const action = this.on.actions.find((one) => one.name === name);
    if (action === undefined) throw new Error(`${name} is not an action of ${this.on.service}`);
    return action;
  }
}

/** @throws {DomainError} `ProposalUnknown` */
function known(proposal: Proposal | undefined): Proposal {
  if (proposal === undefined) throw proposalUnknown();
  return proposal;
}
