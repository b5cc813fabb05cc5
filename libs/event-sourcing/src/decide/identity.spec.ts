import { describe, expect, it } from '@jest/globals';
import { v5 } from 'uuid';

import { eventId, uuidOf } from './identity.js';

const NAMESPACE = '6f1f6c0e-2b5d-4e0f-9d6a-1c2b7a3e5d48';

describe('the id of an event', () => {
  it('is equal for equal causes', () => {
    expect(eventId('deal-crm|D-1', 'fact-1', 0)).toBe(eventId('deal-crm|D-1', 'fact-1', 0));
  });

  it('differs by stream, cause and revision', () => {
    const ids = [
      eventId('deal-crm|D-1', 'fact-1', 0),
      eventId('deal-crm|D-2', 'fact-1', 0),
      eventId('deal-crm|D-1', 'fact-2', 0),
      eventId('deal-crm|D-1', 'fact-1', 1),
      eventId('deal-crm|D-1","fact-1', '', 0),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(['', 'fact', 'é€😀', 'x'.repeat(1359), 'x'.repeat(1360), 'é'.repeat(5000)])(
    'is a UUIDv5 as defined by RFC 9562: %#',
    (name) => {
      expect(uuidOf(name)).toBe(v5(name, NAMESPACE));
    },
  );

  it('never changes between releases', () => {
    expect(eventId('deal-crm|D-1', 'fact-1', 0)).toBe(v5('["deal-crm|D-1","fact-1",0]', NAMESPACE));
  });
});
