import { describe, expect, it } from '@jest/globals';
import { ApiProperty } from '@nestjs/swagger';
import { validateSync } from 'class-validator';

import { MessageField } from './message-field.js';
import { unknownRules } from './validated-schema.js';

class PartnerBody {
  @ApiProperty()
  @MessageField('partner', 'name')
  name: unknown = 'Ada';

  @ApiProperty()
  @MessageField('partner', 'channel')
  channel: unknown = 'retail';

  @ApiProperty()
  @MessageField('partner', 'agreements', 'items', 'from')
  from: unknown = '2026-01-01';

  @ApiProperty()
  @MessageField('partner', 'certifications', 'items', 'count')
  count: unknown = 1;
}

const reasonFor = (fields: Partial<PartnerBody>): unknown =>
  validateSync(Object.assign(new PartnerBody(), fields)).map(({ constraints }) => constraints?.['messageField']);

describe('a field of a message', () => {
  it('accepts what the message accepts', () => {
    expect(reasonFor({})).toEqual([]);
  });

  it.each([
    [{ name: 'a\nb' }, 'must be a text without control characters, 1 to 500 characters long'],
    [{ channel: 'retial' }, expect.stringMatching(/^must be one of retail, .*; did you mean "retail"\?$/)],
    [{ from: '2026-02-30' }, expect.stringMatching(/^must be a .*day|date/)],
    [{ count: 1.5 }, 'must be a whole number from 1 to 1000000'],
  ])('refuses %j in words', (fields, reason) => {
    expect(reasonFor(fields)).toEqual([reason]);
  });

  it('is known to the OpenAPI document', () => {
    expect(unknownRules(PartnerBody)).toEqual([]);
  });

  it('must exist', () => {
    expect(() => MessageField('partner', 'nickname')).toThrow('the message partner has no field nickname');
  });
});
