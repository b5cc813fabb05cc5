/** Changes of partners: what has to be looked up of other partners is looked up here, and journalled with the change. */
import { Inject, Injectable } from '@nestjs/common';
import { compareText } from '@tantieme/contracts/compare-text';
import { check } from '@tantieme/contracts/check';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import type { Partner } from '@tantieme/contracts/partner';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext, Runtime, Work } from '@tantieme/event-sourcing/decide/runtime';
import { partnerStream } from './partner.js';
import type { PartnerChange, PartnerCommand, PartnerEvent, PartnerState } from './partner.js';
import { uplinesNamed } from './upline.js';
import type { Uplines, UplinesOf } from './upline.js';

export const PARTNER_RUNTIME = Symbol('PARTNER_RUNTIME');
export type PartnerRuntime = Runtime<PartnerState, PartnerCommand, PartnerEvent>;

/** A change as it is asked for: what it needs to know of others is not in it yet. */
export type RequestedChange =
  | Exclude<PartnerChange, { readonly kind: 'upline' | 'document' }>
  | Omit<Extract<PartnerChange, { readonly kind: 'upline' }>, 'above'>;

export interface Changed {
  readonly partner: Partner;
  /** False where it was so already. */
  readonly changed: boolean;
  /** True where the partner was not known before. */
  readonly created: boolean;
}

/** What became of one document of a batch. */
export type Imported = { readonly outcome: 'changed' | 'unchanged' } | RefusedDocument;

export interface RefusedDocument {
  readonly outcome: 'refused';
  readonly id: string;
  readonly code: string;
  readonly errors: readonly { readonly field: string; readonly reason: string }[];
}

/** Partners above one at any time, at the most: a real hierarchy has a handful of levels. */
const ABOVE_MAX = 500;

const DOCUMENTS_AN_APPEND = 1000;

@Injectable()
export class Registry {
  /** Changes of uplines wait for each other: two at once could close a circle that neither of them sees. */
  private uplineTurn: Promise<unknown> = Promise.resolve();

  constructor(@Inject(PARTNER_RUNTIME) private readonly partners: PartnerRuntime) {}

  /** @throws {DomainError} */
  async change(id: string, change: RequestedChange, context: CommandContext): Promise<Changed> {
    if (change.kind !== 'upline') return this.handle(id, change, context);
    return this.inUplineTurn(async () => {
      const { upline } = change;
      if (upline !== null && upline !== id && (await this.find(upline)) === undefined)
        throw new DomainError('UplineUnknown', `no partner ${upline} is registered`, 'invalid', [
          { field: 'upline', reason: `no partner ${upline} is registered` },
        ]);
      const named = upline === null ? [] : [upline];
      const others = uplinesNamed((await this.find(id))?.uplines ?? []);
      const above = await this.above(id, [...named, ...others], new Map());
      return this.handle(id, { ...change, above }, context);
    });
  }

  /**
   * Takes whole documents; a partner that one names as upline may come later. The results are in their order. Documents
   * that would close a circle, with each other or with what is known, are refused.
   */
  async importAll(documents: readonly unknown[], context: CommandContext): Promise<readonly Imported[]> {
    const at = new Date().toISOString();
    const checked = documents.map(checkDocument);
    /** Uplines as the batch says them, and as they are looked up: nobody changes them in this turn. */
    const uplines = new Map(
      checked.flatMap((one) => ('partner' in one ? [[one.partner.id, one.partner.uplines] as const] : [])),
    );
    return this.inUplineTurn(async () => {
      const outcomes: Imported[] = [];
      for (let start = 0; start < checked.length; start += DOCUMENTS_AN_APPEND) {
        const slice = checked.slice(start, start + DOCUMENTS_AN_APPEND);
        const prepared = await Promise.all(
          slice.map((one) => ('partner' in one ? this.documentWork(one.partner, uplines, at, context) : one)),
        );
        outcomes.push(...(await this.handleDocuments(prepared)));
      }
      return outcomes;
    });
  }

  private async documentWork(
    partner: Partner,
    uplines: Map<string, Uplines>,
    at: string,
    context: CommandContext,
  ): Promise<Work<PartnerCommand> | RefusedDocument> {
    try {
      const above = await this.above(partner.id, uplinesNamed(partner.uplines), uplines);
      return {
        stream: partnerStream(partner.id),
        command: { id: partner.id, change: { kind: 'document', partner, above }, at },
        context: { ...context, cause: `${context.cause}:${partner.id}` },
      };
    } catch (error) {
      if (error instanceof DomainError) return refused(partner.id, error);
      throw error;
    }
  }

  private async handleDocuments(
    prepared: readonly (Work<PartnerCommand> | RefusedDocument)[],
  ): Promise<readonly Imported[]> {
    const work = prepared.flatMap((one) => ('command' in one ? [one] : []));
    const results = (await this.partners.handleMany(work)).values();
    return prepared.map((one): Imported => {
      if (!('command' in one)) return one;
      const result = results.next().value;
      if (result === undefined) throw new Error('the runtime answered fewer commands than it was given');
      if (result.outcome === 'refused') return refused(one.command.id, result.error);
      return { outcome: result.events.length > 0 ? 'changed' : 'unchanged' };
    });
  }

  async find(id: string): Promise<PartnerState> {
    return (await this.partners.load(partnerStream(id))).state;
  }

  private async handle(id: string, change: PartnerChange, context: CommandContext): Promise<Changed> {
    const command = { id, change, at: new Date().toISOString() };
    const { state, events, revision } = await this.partners.handle(partnerStream(id), command, context);
    if (state === undefined) throw new Error(`partner ${id} is not there after a change of it`);
    return { partner: state, changed: events.length > 0, created: events.length > 0 && revision === 0 };
  }

  /**
   * The uplines of everybody who is above at any time.
   * @param known uplines that count instead of those in the log; what is looked up is added to them.
   */
  private async above(partner: string, named: readonly string[], known: Map<string, Uplines>): Promise<UplinesOf> {
    const found = new Map<string, Uplines>();
    const left = [...named];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (next === partner || found.has(next)) continue;
      if (found.size >= ABOVE_MAX)
        throw new DomainError('HierarchyTooDeep', `more than ${ABOVE_MAX} partners are above ${partner}`, 'invalid', [
          { field: 'upline', reason: `more than ${ABOVE_MAX} partners are above` },
        ]);
      const uplines = known.get(next) ?? (await this.find(next))?.uplines ?? [];
      known.set(next, uplines);
      found.set(next, uplines);
      left.push(...uplinesNamed(uplines));
    }
    return Object.fromEntries([...found].sort(([left], [right]) => compareText(left, right)));
  }

  private inUplineTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const turn = this.uplineTurn.then(act);
    this.uplineTurn = turn.catch(() => undefined);
    return turn;
  }
}

function checkDocument(document: unknown): { readonly partner: Partner } | RefusedDocument {
  const errors = check('partner', document);
  if (isPartner(document, errors)) return { partner: document };
  return { outcome: 'refused', id: idOf(document), code: 'PartnerInvalid', errors };
}

/** The schema has nothing against it, so it has the type that the schema describes. */
function isPartner(document: unknown, faults: readonly unknown[]): document is Partner {
  return faults.length === 0 && typeof document === 'object';
}

function idOf(document: unknown): string {
  if (typeof document !== 'object' || document === null || !('id' in document)) return '';
  return typeof document.id === 'string' ? document.id.slice(0, ID_LENGTH_MAX) : '';
}

function refused(id: string, { code, message, fields }: DomainError): RefusedDocument {
  return { outcome: 'refused', id, code, errors: fields.length > 0 ? fields : [{ field: '', reason: message }] };
}
