/** What the route that records a fact answers. */
import { ApiProperty } from '@nestjs/swagger';

export const FACT_EXAMPLE = {
  source: 'crm',
  deal: 'D-1042',
  kind: 'booked',
  occurredAt: '2026-03-05T10:00:00Z',
  terms: {
    currency: 'EUR',
    lines: [{ id: '1', category: 'hardware', net: '100.00' }],
    partners: [{ role: 'seller', partner: 'P-1' }],
  },
};

export class FactReceipt {
  @ApiProperty({ enum: ['accepted', 'repeated'], description: '`repeated`: the same fact was recorded before' })
  readonly outcome!: 'accepted' | 'repeated';

  @ApiProperty({ example: 'crm' })
  readonly source!: string;

  @ApiProperty({ example: 'D-1042' })
  readonly deal!: string;

  @ApiProperty({ example: 'booked', description: 'Which fact of the deal it is: `booked`, `returned:R-1`' })
  readonly identity!: string;

  @ApiProperty({
    example: '5f2b0c61d2a6a5a8f2f6b3c1b6f3a1c94d5a0f2f6c1d7b8e9a0b1c2d3e4f5a6b',
    description: 'SHA-256 of the normal form of the fact',
  })
  readonly hash!: string;
}
