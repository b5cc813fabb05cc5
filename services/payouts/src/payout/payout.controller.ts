import { Readable } from 'node:stream';

import { Controller, Get, Headers, Inject, Query, StreamableFile } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiHeader, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { ApiPage } from '@tantieme/service-kit/http/api-answers';
import { PAGE_LIMIT_MAX } from '@tantieme/service-kit/http/cursor';
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
  @ApiProduces('application/json', NDJSON)
  @ApiOperation({
    summary: 'List payouts',
    description: `In the order in which their statements were approved, with the newest payment of each. With \`Accept: ${NDJSON}\` the answer is not a page but all payouts from the cursor on, one per line.`,
  })
  @ApiHeader({ name: 'accept', required: false, description: `\`application/json\` (a page) or \`${NDJSON}\` (all)` })
  @ApiPage(Payout)
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
