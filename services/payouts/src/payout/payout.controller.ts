import { Readable } from 'node:stream';

import { Controller, Get, Headers, Inject, Query, StreamableFile } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { PAGE_LIMIT_MAX } from '@tantieme/service-kit/limits';
import type { Page } from '@tantieme/service-kit/http/cursor';

import { Payout, PayoutsQuery } from './payout.dto.js';
import { ListPayouts } from './payout.queries.js';
import type { PayoutFilter } from './payout.queries.js';

const NDJSON = 'application/x-ndjson';

@ApiTags('payouts')
@Controller('payouts')
export class PayoutsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('finance', 'auditor')
  @ApiOperation({
    summary: 'List payouts',
    description: `In the order in which their statements were approved, with the newest payment of each. With \`Accept: ${NDJSON}\` the answer is not a page but all payouts from the cursor on, one per line.`,
  })
  @ApiHeader({ name: 'accept', required: false, description: `\`application/json\` (a page) or \`${NDJSON}\` (all)` })
  @ApiExtraModels(Payout)
  @ApiOkResponse({
    description: 'One page, in the order of the list; or all payouts, one per line',
    content: {
      'application/json': {
        schema: {
          type: 'object',
          required: ['items'],
          properties: {
            items: { type: 'array', items: { $ref: getSchemaPath(Payout) } },
            next: { type: 'string', description: 'Cursor of the next page; absent on the last one' },
          },
        },
      },
      [NDJSON]: { schema: { $ref: getSchemaPath(Payout) } },
    },
  })
  async list(
    @Query() query: PayoutsQuery,
    @Headers('accept') accept: string | undefined,
  ): Promise<Page<Payout> | StreamableFile> {
    const { limit, cursor, ...filter } = query;
    if (accept?.includes(NDJSON) !== true) return this.page(filter, limit, cursor);
    return new StreamableFile(Readable.from(this.rows(filter, cursor), { objectMode: false }), { type: NDJSON });
  }

  private page(filter: PayoutFilter, limit: number, cursor: string | undefined): Promise<Page<Payout>> {
    return this.queries.execute(new ListPayouts(filter, limit, cursor));
  }

  private async *rows(filter: PayoutFilter, from: string | undefined): AsyncGenerator<string> {
    let cursor = from;
    do {
      const { items, next } = await this.page(filter, PAGE_LIMIT_MAX, cursor);
      yield items.map((payout) => `${JSON.stringify(payout)}\n`).join('');
      cursor = next;
    } while (cursor !== undefined);
  }
}
