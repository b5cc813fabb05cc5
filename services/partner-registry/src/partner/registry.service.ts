/** Changes of partners. What they need to know of other partners is looked up here, and stored with the change. */
import { Inject, Injectable } from '@nestjs/common';
import { compareText } from '@tantieme/contracts/compare-text';
import type { Partner } from '@tantieme/contracts/partner';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext, Runtime, Work } from '@tantieme/event-sourcing/decide/runtime';
import { partnerDecider, partnerStream } from './partner.js';
import type { PartnerChange, PartnerCommand, PartnerEvent, PartnerState } from './partner.js';
import type { RequestedChange } from './requested-change.js';
import { uplinesNamed } from './upline.js';
import type { Uplines, UplinesOf } from './upline.js';
import { ABOVE_MAX, BATCH_CHANGES } from '../limits.js';

export const PARTNER_RUNTIME = Symbol('PARTNER_RUNTIME');
export type PartnerRuntime = Runtime<PartnerState, PartnerCommand, PartnerEvent>;

/** A change of one partner among many. */
export interface PartnerRequest {
  readonly id: string;
  readonly change: RequestedChange;
}

export interface ChangedPartner {
  readonly partner: Partner;
  /** False if nothing changed. */
  readonly changed: boolean;
  /** True if the partner is new. */
  readonly created: boolean;
}

/** The result of one change among many. */
export type ChangeResult =
  { readonly outcome: 'changed' | 'unchanged' } | { readonly outcome: 'refused'; readonly error: DomainError };

/** Looks a partner up: in the log, or in a dry run as it would be by then. */
type FindPartner = (id: string) => Promise<PartnerState>;

@Injectable()
export class Registry {
  /** Changes of uplines wait for each other: two at once could close a circle that neither of them sees. */
  private lastUplineChange: Promise<unknown> = Promise.resolve();

  constructor(@Inject(PARTNER_RUNTIME) private readonly partners: PartnerRuntime) {}

  async find(id: string): Promise<PartnerState> {
    return (await this.partners.load(partnerStream(id))).state;
  }

  /** @throws {DomainError} */
  async change({ id, change }: PartnerRequest, context: CommandContext): Promise<ChangedPartner> {
    if (change.kind !== 'upline' && change.kind !== 'withdrawal' && change.kind !== 'document')
      return this.handle(id, change, context);
    return this.afterUplineChanges(async () => {
      const find: FindPartner = (one) => this.find(one);
      return this.handle(id, await completeChange(id, change, find, new Map()), context);
    });
  }

  /**
   * Makes many changes; the results are in their order. A partner that a document names as upline may come later in the
   * batch or in a later one. A change that would close a circle, with another of the batch or with what is recorded, is
   * refused.
   */
  async changeAll(requests: readonly PartnerRequest[], context: CommandContext): Promise<readonly ChangeResult[]> {
    return this.afterUplineChanges(async () => {
      const results: ChangeResult[] = [];
      const find: FindPartner = (id) => this.find(id);
      const uplines = uplinesInDocuments(requests);
      const at = new Date().toISOString();
      for (let start = 0; start < requests.length;) {
        const end = endOfBatch(requests, start);
        const work = await Promise.all(
          requests
            .slice(start, end)
            .map((request, index) =>
              commandOf(request, find, uplines, at, { ...context, cause: causeOf(context, start + index) }),
            ),
        );
        results.push(...(await this.handleAll(work)));
        start = end;
      }
      return results;
    });
  }

  /** What {@link changeAll} would answer; writes nothing. */
  async tryAll(requests: readonly PartnerRequest[], context: CommandContext): Promise<readonly ChangeResult[]> {
    const states = new Map<string, PartnerState>();
    const find: FindPartner = async (id) => (states.has(id) ? states.get(id) : this.find(id));
    const uplines = uplinesInDocuments(requests);
    const results: ChangeResult[] = [];
    for (const request of requests) {
      const work = await commandOf(request, find, uplines, new Date().toISOString(), context);
      const state = await find(request.id);
      results.push(work instanceof DomainError ? { outcome: 'refused', error: work } : tryOne(work, state, states));
    }
    return results;
  }

  private async handleAll(work: readonly (Work<PartnerCommand> | DomainError)[]): Promise<readonly ChangeResult[]> {
    const commands = work.flatMap((one) => (one instanceof DomainError ? [] : [one]));
    const handled = (await this.partners.handleMany(commands)).values();
    return work.map((one): ChangeResult => {
      if (one instanceof DomainError) return { outcome: 'refused', error: one };
      const result = handled.next().value;
      if (result === undefined) throw new Error('the runtime answered fewer commands than it was given');
      if (result.outcome === 'refused') return { outcome: 'refused', error: result.error };
      return { outcome: result.events.length > 0 ? 'changed' : 'unchanged' };
    });
  }

  private async handle(id: string, change: PartnerChange, context: CommandContext): Promise<ChangedPartner> {
    const command = { id, change, at: new Date().toISOString() };
    const { state, events, revision } = await this.partners.handle(partnerStream(id), command, context);
    if (state === undefined) throw new Error(`partner ${id} does not exist after its change`);
    return { partner: state, changed: events.length > 0, created: events.length > 0 && revision === 0 };
  }

  private afterUplineChanges<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.lastUplineChange.then(act);
    this.lastUplineChange = result.catch(() => undefined);
    return result;
  }
}

/** Uplines as the documents of the batch have them: they count instead of those that are recorded. */
function uplinesInDocuments(requests: readonly PartnerRequest[]): Map<string, Uplines> {
  return new Map(
    requests.flatMap(({ id, change }) => (change.kind === 'document' ? [[id, change.partner.uplines] as const] : [])),
  );
}

/** An upline depends on the changes before it, so a batch has one at most, at its start. */
function endOfBatch(requests: readonly PartnerRequest[], start: number): number {
  const isUpline = ({ change }: PartnerRequest): boolean =>
    change.kind === 'upline' || (change.kind === 'withdrawal' && change.of === 'upline');
  const upline = requests.findIndex((request, index) => index > start && isUpline(request));
  return Math.min(upline === -1 ? requests.length : upline, start + BATCH_CHANGES);
}

/** One cause per change: the ids of their events are computed from it. */
function causeOf({ cause }: CommandContext, index: number): string {
  return `${cause}:${index}`;
}

async function commandOf(
  { id, change }: PartnerRequest,
  find: FindPartner,
  uplines: Map<string, Uplines>,
  at: string,
  context: CommandContext,
): Promise<Work<PartnerCommand> | DomainError> {
  try {
    const complete = await completeChange(
      id,
      change,
      find,
      change.kind === 'document' ? uplines : new Map<string, Uplines>(),
    );
    return { stream: partnerStream(id), command: { id, change: complete, at }, context };
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

/** @throws {DomainError} `UplineUnknown`, `HierarchyTooDeep` */
async function completeChange(
  id: string,
  change: RequestedChange,
  find: FindPartner,
  uplines: Map<string, Uplines>,
): Promise<PartnerChange> {
  switch (change.kind) {
    case 'upline': {
      const { upline } = change;
      if (upline !== null && upline !== id && (await find(upline)) === undefined) throw uplineUnknown(upline);
      const named = upline === null ? [] : [upline];
      const others = uplinesNamed((await find(id))?.uplines ?? []);
      return { ...change, above: await uplinesAbove(id, [...named, ...others], find, uplines) };
    }
    case 'withdrawal':
      if (change.of !== 'upline') return { ...change, above: {} };
      return {
        ...change,
        above: await uplinesAbove(id, uplinesNamed((await find(id))?.uplines ?? []), find, uplines),
      };
    case 'document':
      return { ...change, above: await uplinesAbove(id, uplinesNamed(change.partner.uplines), find, uplines) };
    default:
      return change;
  }
}

function uplineUnknown(upline: string): DomainError {
  const reason = `no partner ${upline} is registered`;
  return new DomainError('UplineUnknown', reason, 'invalid', [{ field: 'upline', reason }]);
}

/**
 * The uplines of everybody who is above at any time.
 * @param cached uplines that count instead of those in the log; those looked up are added
 */
async function uplinesAbove(
  partner: string,
  named: readonly string[],
  find: FindPartner,
  cached: Map<string, Uplines>,
): Promise<UplinesOf> {
  const found = new Map<string, Uplines>();
  const remaining = [...named];
  for (let next = remaining.pop(); next !== undefined; next = remaining.pop()) {
    if (next === partner || found.has(next)) continue;
    if (found.size >= ABOVE_MAX)
      throw new DomainError('HierarchyTooDeep', `more than ${ABOVE_MAX} partners are above ${partner}`, 'invalid', [
        { field: 'upline', reason: `more than ${ABOVE_MAX} partners are above` },
      ]);
    const uplines = cached.get(next) ?? (await find(next))?.uplines ?? [];
    cached.set(next, uplines);
    found.set(next, uplines);
    remaining.push(...uplinesNamed(uplines));
  }
  return Object.fromEntries([...found].sort(([left], [right]) => compareText(left, right)));
}

function tryOne(
  { command }: Work<PartnerCommand>,
  state: PartnerState,
  states: Map<string, PartnerState>,
): ChangeResult {
  try {
    const [event] = partnerDecider.decide(command, state);
    if (event === undefined) return { outcome: 'unchanged' };
    states.set(command.id, partnerDecider.evolve(state, event));
    return { outcome: 'changed' };
  } catch (error) {
    if (error instanceof DomainError) return { outcome: 'refused', error };
    throw error;
  }
}
