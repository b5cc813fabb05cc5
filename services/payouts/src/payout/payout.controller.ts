import { Readable } from 'node:stream';

import {
  Body,
  Controller,
  Get,
  Headers,
  HttpStatus,
  Inject,
  Param,
  Post,
  Query,
  Res,
  StreamableFile,
} from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiBody,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiPropertyOptional,
  ApiTags,
} from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { schemaOf } from '@tantieme/contracts/schemas';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Caller, ownPartner, Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import { PAGE_LIMIT_MAX, PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

import { TakePayment } from './payment.commands.js';
import type { PaymentAnswer } from './payment.commands.js';
import { ListBalances, ListPayouts } from './payout.queries.js';
import type { Balance, PayoutRead } from './payout.queries.js';
import { ListSettlements, ReadSettlement } from '../statement-run/statement-run.queries.js';
import type { SettlementRead } from '../statement-run/statement-run.queries.js';

const NDJSON = 'application/x-ndjson';

class BalancesQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
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
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Get('payouts')
  @Roles('finance', 'auditor')
  @ApiProduces('application/json', NDJSON)
  @ApiOperation({
    summary: 'What is to be paid, in the order of approval, and what finance answered',
    description: `Page by page, or with \`Accept: ${NDJSON}\` all from the cursor on, one a line.`,
  })
  async payouts(
    @Query() query: PageQuery,
    @Headers('accept') accept: string | undefined,
  ): Promise<Page<PayoutRead> | StreamableFile> {
    if (accept?.includes(NDJSON) !== true) return this.page(query.limit, query.cursor);
    return new StreamableFile(Readable.from(this.rows(query.cursor), { objectMode: false }), { type: NDJSON });
  }

  @Post('payments')
  @RolesOf(TakePayment)
  @ApiOperation({
    summary: 'What finance answers to a payout: settled, or failed with the reason',
    description:
      'Where it was paid out of another currency, the rate of the payment gives the exchange difference that the payer books. A correction has a higher `revision`.',
  })
  @ApiBody({ schema: schemaOf('payment') })
  @ApiCreatedResponse({ description: 'The payment is new' })
  @ApiOkResponse({ description: 'It, or a later revision of it, is known already' })
  @ApiConflictResponse({ description: 'Something else is known for the same payout and revision' })
  async takePayment(
    @Body() payment: unknown,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<PaymentAnswer> {
    const answer: PaymentAnswer = await this.commands.execute(new TakePayment(payment, context));
    reply.status(answer.outcome === 'accepted' ? HttpStatus.CREATED : HttpStatus.OK);
    return answer;
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

  private page(limit: number, cursor: string | undefined): Promise<Page<PayoutRead>> {
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
