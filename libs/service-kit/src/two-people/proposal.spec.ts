import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { isSamePerson, parseProposalId, proposalDecider } from './proposal.js';
import type { ProposalCommand, ProposalEvent, ProposalStreamState } from './proposal.js';

const AT = '2026-04-02T08:00:00.000Z';

class Stream {
  state: ProposalStreamState = proposalDecider.initialState();
  readonly events: ProposalEvent[] = [];

  handle(command: ProposalCommand): readonly ProposalEvent[] {
    const events = proposalDecider.decide(command, this.state);
    for (const event of events) {
      // Replay: the stored event gives its command back, and that decides the same again.
      expect(proposalDecider.decide(proposalDecider.commandOf(event), this.state)).toEqual([event]);
      this.state = proposalDecider.evolve(this.state, event);
      this.events.push(event);
    }
    return events;
  }

  refusalOf(command: ProposalCommand): DomainError {
    try {
      this.handle(command);
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
    throw new Error('it was not refused');
  }
}

const propose = (total: string, by = 'fiona', request = {}): ProposalCommand => ({
  type: 'propose',
  action: 'close-period',
  subject: 'monthly@Europe/Paris|2026-03',
  request,
  read: { total },
  by,
  at: AT,
});
const confirm = (number: number, total: string, by: string): ProposalCommand => ({
  type: 'confirm',
  number,
  read: { total },
  by,
  at: AT,
});

describe('a person', () => {
  it.each([
    ['Mallory', 'mallory '],
    ['mallory', 'ｍａｌｌｏｒｙ'],
    ['mallory', 'mal\u200blory'],
    ['STRASSE@example.com', 'straße@example.com'],
    ['é', 'e\u0301'],
  ])('is the same however the name is written: %j and %j', (left, right) => {
    expect(isSamePerson(left, right)).toBe(true);
  });

  it('is another one under another name', () => {
    expect(isSamePerson('mallory', 'malory')).toBe(false);
  });
});

describe('a proposal', () => {
  it('is confirmed by another person', () => {
    const stream = new Stream();
    stream.handle(propose('10.00', 'Mallory'));
    expect(stream.refusalOf(confirm(1, '10.00', 'mallory ')).code).toBe('SecondPersonNeeded');
    stream.handle(confirm(1, '10.00', 'ada'));
    expect(stream.state.newest).toMatchObject({ state: 'confirmed', proposedBy: 'Mallory', decidedBy: 'ada' });
  });

  it('cannot be confirmed when what it was based on has changed', () => {
    const stream = new Stream();
    stream.handle(propose('10.00'));
    const refusal = stream.refusalOf(confirm(1, '12.00', 'ada'));
    expect(refusal.code).toBe('ProposalChanged');
    expect(refusal.fields).toEqual([{ field: 'read.total', reason: 'was "10.00", is "12.00"' }]);
    expect(stream.state.newest?.state).toBe('open');
  });

  it('is replaced by a newer one, and the old one can no longer be confirmed', () => {
    const stream = new Stream();
    stream.handle(propose('10.00'));
    expect(stream.handle(propose('10.00', 'frank'))).toEqual([]);
    stream.handle(propose('12.00'));
    stream.handle(propose('12.00', 'fiona', { force: 'the source is gone' }));
    expect(stream.state.newest?.number).toBe(3);
    expect(stream.refusalOf(confirm(2, '12.00', 'ada')).code).toBe('ProposalSuperseded');
    expect(stream.refusalOf(confirm(4, '12.00', 'ada')).code).toBe('ProposalUnknown');
  });

  it('changes nothing when it is confirmed twice', () => {
    const stream = new Stream();
    stream.handle(propose('10.00'));
    stream.handle(confirm(1, '10.00', 'ada'));
    expect(stream.handle(confirm(1, '10.00', 'ada'))).toEqual([]);
    expect(stream.handle(confirm(1, '10.00', 'eve'))).toEqual([]);
    expect(stream.state.newest?.decidedBy).toBe('ada');
    expect(stream.refusalOf(propose('10.00')).code).toBe('ProposalInProgress');
    stream.handle({ type: 'finish', number: 1, at: AT });
    expect(stream.handle({ type: 'finish', number: 1, at: AT })).toEqual([]);
    expect(stream.state.newest?.state).toBe('done');
    // Proposing it again is a new proposal: a period that was reopened is closed again.
    stream.handle(propose('10.00'));
    expect(stream.state.newest).toMatchObject({ number: 2, state: 'open' });
  });

  it('is over when it is rejected, also by its proposer', () => {
    const stream = new Stream();
    stream.handle(propose('10.00'));
    stream.handle({ type: 'reject', number: 1, reason: 'too early', by: 'fiona', at: AT });
    expect(stream.state.newest).toMatchObject({ state: 'rejected', decidedBy: 'fiona', reason: 'too early' });
    expect(stream.refusalOf(confirm(1, '10.00', 'ada')).code).toBe('ProposalDecided');
    stream.handle(propose('10.00'));
    stream.handle(confirm(2, '10.00', 'ada'));
    expect(stream.refusalOf({ type: 'reject', number: 2, by: 'eve', at: AT }).code).toBe('ProposalDecided');
  });

  it('has an id that names action, subject and number', () => {
    expect(parseProposalId('waive-deal|crm|D-1|12')).toEqual({ action: 'waive-deal', subject: 'crm|D-1', number: 12 });
    for (const id of ['', 'waive-deal', 'waive-deal|12', 'waive-deal|crm|D-1|0'])
      expect(parseProposalId(id)).toBeUndefined();
  });
});
