import { Readable } from 'node:stream';

import { Controller, Get, Headers, Inject, Param, Query, StreamableFile } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { PayoutDue } from '@tantieme/contracts/payout';
import { Caller, ownPartner, Roles } from '@tantieme/service-kit/auth';
import type { Principal } from '@tantieme/service-kit/auth';
import { PAGE_LIMIT_MAX, PageQuery } from '@tantieme/service-kit/cursor';
import type { Page } from '@tantieme/service-kit/cursor';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

import { ListBalances, ListPayouts } from './queries/payouts.js';
import type { Balance } from './queries/payouts.js';
import { ListSettlements, ReadSettlement } from './queries/settlements.js';
import type { SettlementRead } from './queries/settlements.js';

const NDJSON = 'application/x-ndjson';

class BalancesQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(200)
  payee?: string;

  @ApiPropertyOptional({ example: 'EUR' })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: 'currency must be an ISO 4217 code' })
  currency?: string;
}

class SettlementsQuery {
  @ApiPropertyOptional({ example: 'monthly@Europe/Paris' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  calendar?: string;
}

@ApiTags('payouts')
@Controller()
export class PayoutsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get('payouts')
  @Roles('finance', 'auditor')
  @ApiProduces('application/json', NDJSON)
  @ApiOperation({
    summary: 'What is to be paid, in the order of approval',
    description: `Page by page, or with \`Accept: ${NDJSON}\` all from the cursor on, one a line.`,
  })
  async payouts(
    @Query() query: PageQuery,
    @Headers('accept') accept: string | undefined,
  ): Promise<Page<PayoutDue> | StreamableFile> {
    if (accept?.includes(NDJSON) !== true) return this.page(query.limit, query.cursor);
    return new StreamableFile(Readable.from(this.rows(query.cursor), { objectMode: false }), { type: NDJSON });
  }

  @Get('balances')
  @Roles('finance', 'auditor', 'operator', 'partner')
  @ApiOperation({ summary: 'What the newest statements carry: amounts below the minimum, and what payees owe' })
  balances(@Query() query: BalancesQuery, @Caller() caller: Principal): Promise<Page<Balance>> {
    const { currency, limit, cursor } = query;
    return this.queries.execute(new ListBalances(ownPartner(caller, query.payee), currency, limit, cursor));
  }

  @Get('settlements')
  @Roles('finance', 'auditor', 'approver', 'operator')
  @ApiOperation({ summary: 'Periods whose manifests have begun to arrive' })
  async settlements(@Query() query: SettlementsQuery): Promise<Page<SettlementRead>> {
    return { items: await this.queries.execute(new ListSettlements(query.calendar)) };
  }

  @Get('settlements/:calendar/:period')
  @Roles('finance', 'auditor', 'approver', 'operator')
  @ApiOperation({ summary: 'How far the statements of a period are' })
  settlement(@Param('calendar') calendar: string, @Param('period') period: string): Promise<SettlementRead> {
    return this.queries.execute(new ReadSettlement(calendar, period));
  }

  private page(limit: number, cursor: string | undefined): Promise<Page<PayoutDue>> {
    return this.queries.execute(new ListPayouts(limit, cursor));
  }

  private async *rows(from: string | undefined): AsyncGenerator<string> {
    let cursor = from;
    do {
      const { items, next } = await this.page(PAGE_LIMIT_MAX, cursor);
      yield items.map((payout) => `${JSON.stringify(payout)}\n`).join('');
      cursor = next;
    } while (cursor !== undefined);
  }
}
