import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';

import { Body, Controller, Get, HttpStatus, Inject, Module, Param, Post, Put, Query, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProperty,
  ApiPropertyOptional,
  ApiTags,
} from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { LOG } from '@tantieme/event-sourcing/process/log-source';
import type { Source } from '@tantieme/event-sourcing/process/process';
import { EventStoreRefused, IncompleteStream, UnknownPosition } from '@tantieme/event-store/event-store';
import { systemTimers } from '@tantieme/time/timers';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, Matches, MaxLength, ValidateNested } from 'class-validator';
import type { FastifyReply, InjectOptions, LightMyRequestResponse } from 'fastify';

import { createApplication } from '../application/application.js';
import { assertOwn, Caller, ownPartner, Public, Roles } from '../access/auth.js';
import type { Principal, Role } from '../access/auth.js';
import { Background } from '../background/background.js';
import { loadConfig } from '../runtime/config.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { ApiProblems } from '../http/api-answers.js';
import { Context } from '../http/context.js';
import { PageQuery } from '../http/cursor.js';
import { mintToken } from '../access/development-issuer.js';
import { TextBody } from '../http/text-body.js';
import { withDocumentedAnswers } from './documented-answers.fixture.js';

class LineBody {
  @ApiProperty({ description: 'Net amount, two decimals', example: '1.00' })
  @Matches(/^\d+\.\d\d$/, { message: 'must have two decimals' })
  net!: string;
}

class OrderBody {
  @ApiProperty({ description: 'Id of the order', example: 'O-1' })
  @IsString()
  id!: string;

  @ApiPropertyOptional({ description: 'Currency of the order', example: 'EUR' })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/)
  currency?: string | undefined;

  @ApiPropertyOptional({ description: 'How it is sent', enum: ['parcel', 'pallet'] })
  @IsOptional()
  @IsIn(['parcel', 'pallet'])
  shipping?: string | undefined;

  @ApiPropertyOptional({ description: 'How it may be paid', enum: ['card', 'invoice'], isArray: true })
  @IsOptional()
  @IsArray()
  @IsIn(['card', 'invoice'], { each: true })
  payment?: string[] | undefined;

  @ApiProperty({ type: [LineBody] })
  @IsArray()
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => LineBody)
  lines!: LineBody[];
}

class OrdersQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only orders of this partner', example: 'P-1' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  partner?: string | undefined;
}

class CommandContextAnswer implements CommandContext {
  @ApiProperty({ example: 'crm' })
  readonly actor!: string;
  @ApiProperty({ example: 'crm-1' })
  readonly correlationId!: string;
  @ApiProperty({ example: 'http:POST /orders:k' })
  readonly cause!: string;
}

class OrderRecorded {
  @ApiProperty({ example: 'O-1' })
  readonly id!: string;
  @ApiProperty({ description: 'Number of commands so far', example: 1 })
  readonly call!: number;
  @ApiPropertyOptional({ type: CommandContextAnswer })
  readonly context?: CommandContext;
}

class OrdersAnswer {
  @ApiProperty({ type: String, nullable: true, example: 'P-1' })
  readonly partner!: string | null;
  @ApiProperty({ example: 50 })
  readonly limit!: number;
}

class CallerAnswer {
  @ApiProperty({ example: 'jo' })
  readonly subject!: string;
  @ApiProperty({ type: [String], example: ['finance'] })
  readonly roles!: readonly Role[];
  @ApiPropertyOptional({ example: 'P-1' })
  readonly partner?: string;
  @ApiPropertyOptional({ example: 'P-1' })
  readonly limitedTo?: string;
}

class OrderAnswer {
  @ApiProperty({ example: 'O-1' })
  readonly id!: string;
  @ApiProperty({ type: CallerAnswer })
  readonly caller!: Principal;
}

/** Counts the commands that were executed, and holds them back until `gate` resolves. */
export class Workbench {
  calls = 0;
  gate: Promise<void> = Promise.resolve();
}

@ApiTags('deals')
@Controller('orders')
class OrdersController {
  constructor(@Inject(Workbench) private readonly bench: Workbench) {}

  @Post()
  @Roles('source', 'finance')
  @ApiOperation({ summary: 'Records an order', description: 'Orders are recorded once.' })
  @ApiCreatedResponse({ type: OrderRecorded, description: 'Recorded' })
  @ApiOkResponse({ type: OrderRecorded, description: 'Was recorded before' })
  @ApiProblems({ 409: { OrderKnown: 'the order is known with other content' } })
  async record(
    @Body() body: OrderBody,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrderRecorded> {
    this.bench.calls += 1;
    await this.bench.gate;
    if (body.id === 'taken') throw new DomainError('OrderKnown', 'the order is known with other content', 'conflict');
    if (body.id === 'again') void reply.status(HttpStatus.OK);
    void reply.header('location', `/orders/${body.id}`);
    return { id: body.id, call: this.bench.calls, context };
  }

  @Get()
  @Roles('finance', 'partner')
  @ApiOperation({ summary: 'Lists orders', description: 'In order of their ids.' })
  @ApiOkResponse({ type: OrdersAnswer, description: 'The query' })
  list(@Caller() caller: Principal, @Query() { limit, partner }: OrdersQuery): OrdersAnswer {
    return { partner: ownPartner(caller, partner) ?? null, limit };
  }

  @Get(':id')
  @Roles('finance', 'partner', 'source')
  @ApiOperation({ summary: 'Reads an order', description: 'With its caller.' })
  @ApiParam({ name: 'id', description: 'Id of the order', example: 'O-1' })
  @ApiOkResponse({ type: OrderAnswer, description: 'The order' })
  @ApiProblems({ 404: { OrderUnknown: 'there is no such order' } })
  one(@Caller() caller: Principal, @Param('id') id: string): OrderAnswer {
    if (id === 'broken') throw new Error('the password is hunter2');
    if (id === 'truncated') throw new IncompleteStream('order-truncated', 'revision 0 is missing');
    if (id === 'ahead') throw new UnknownPosition(29n, 20n);
    if (id === 'denied') throw new EventStoreRefused('access denied to hunter2');
    if (id === 'none') throw new DomainError('OrderUnknown', 'there is no such order', 'not-found');
    assertOwn(caller, id);
    return { id, caller };
  }

  @Put(':id')
  @Roles('source')
  @ApiOperation({ summary: 'Changes an order', description: 'Has no body.' })
  @ApiParam({ name: 'id', description: 'Id of the order', example: 'O-1' })
  @ApiOkResponse({ type: OrderRecorded, description: 'Changed' })
  change(@Param('id') id: string): OrderRecorded {
    this.bench.calls += 1;
    return { id, call: this.bench.calls };
  }
}

class StreamAnswer {
  @ApiProperty({ type: Number, nullable: true, example: 10 })
  readonly streamed!: number | null;
}

class TextAnswer {
  @ApiProperty({ example: 'plan: x' })
  readonly text!: string;
}

@ApiTags('imports')
@Controller('bodies')
class BodiesController {
  @Post('stream')
  @Roles('source')
  @ApiOperation({ summary: 'Reads a stream', description: 'Of any length.' })
  @ApiConsumes('application/x-ndjson', 'text/csv')
  @ApiBody({ schema: { type: 'string' }, examples: { one: { value: '{}' } } })
  @ApiCreatedResponse({ type: StreamAnswer, description: 'Its length' })
  async stream(@Body() body: unknown): Promise<StreamAnswer> {
    return body instanceof Readable ? { streamed: (await text(body)).length } : { streamed: null };
  }

  @Post('text')
  @Roles('source')
  @TextBody()
  @ApiOperation({ summary: 'Reads a text', description: 'JSON or YAML, unparsed.' })
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody({ schema: { type: 'string' }, examples: { one: { value: 'plan: x' } } })
  @ApiCreatedResponse({ type: TextAnswer, description: 'The text' })
  text(@Body() body: unknown): TextAnswer {
    return { text: String(body) };
  }
}

class Nothing {}

@Public()
@ApiTags('health')
@Controller('mixed')
class MixedController {
  @Get('open')
  @ApiOperation({ summary: 'Open to everybody', description: 'By its controller.' })
  @ApiOkResponse({ type: Nothing, description: 'Nothing', example: {} })
  open(): Nothing {
    return {};
  }

  @Get('closed')
  @Roles('operator')
  @ApiOperation({ summary: 'Open to operators', description: 'The handler wins over its controller.' })
  @ApiOkResponse({ type: Nothing, description: 'Nothing', example: {} })
  closed(): Nothing {
    return {};
  }
}

@ApiTags('health')
@Controller('forgotten')
class ForgottenController {
  @Get('route')
  @ApiOperation({ summary: 'Names no roles', description: 'Hence nobody may use it.' })
  @ApiOkResponse({ type: Nothing, description: 'Nothing', example: {} })
  route(): Nothing {
    return {};
  }
}

const LOOK_MS = 5;

/** A source without batches, which notes when it is closed. */
function idleSource(name: string, failure: () => string | undefined): Source<never> {
  return {
    open: async (_ports, _name, listener) => {
      const failed = failure();
      if (failed !== undefined) throw new Error(failed);
      listener.reached(LOG, 0n);
      return {
        next: async (signal) => {
          for (; !signal.aborted; await systemTimers.wait(LOOK_MS, signal)) {
            const reason = failure();
            if (reason !== undefined) throw new Error(reason);
          }
          return undefined;
        },
        commit: async () => undefined,
        close: async () => {
          if (failure() === undefined) SampleModule.stopped.push(name);
        },
      };
    },
  };
}

@Module({
  controllers: [OrdersController, BodiesController, MixedController, ForgottenController],
  providers: [Workbench],
})
export class SampleModule {
  static stopped: string[] = [];

  constructor(@Inject(Background) background: Background) {
    for (const name of ['sample-first', 'sample-second'])
      background.add({
        name,
        replicas: 'one-replica',
        source: idleSource(name, () => (name === 'sample-second' ? SampleModule.lastError : undefined)),
        step: async () => undefined,
      });
    background.addThread({
      start: async () => {
        if (SampleModule.startFailure !== undefined) throw SampleModule.startFailure;
      },
      stop: async () => undefined,
      metrics: () => [],
    });
  }

  /** A thread fails to start with this. */
  static startFailure: Error | undefined;

  /** The second process fails with this. */
  static lastError: string | undefined;
}

/** An answer of the sample, its body parsed. */
export interface SampleAnswer {
  readonly status: number;
  readonly headers: LightMyRequestResponse['headers'];
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A running application on a data directory of its own, and tokens for it. */
export class Sample {
  private constructor(
    readonly config: RuntimeConfig,
    readonly application: NestFastifyApplication,
  ) {}

  static async start(): Promise<Sample> {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'tantieme-kit-'));
    const config = loadConfig({}, { dataDirectory, port: 0, logLevel: 'silent' });
    return new Sample(config, await createApplication(withDocumentedAnswers(SampleModule), config));
  }

  get bench(): Workbench {
    return this.application.get(Workbench);
  }

  /** Sends a request, and parses the JSON of its answer. */
  async request(options: InjectOptions): Promise<SampleAnswer> {
    const answer = await this.application.inject(options);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.json<SampleAnswer['body']>(),
      text: answer.body,
    };
  }

  token(subject: string, roles: readonly Role[], partner?: string): Promise<string> {
    return mintToken({ dataDirectory: this.config.dataDirectory, subject, roles, partner });
  }

  async authorization(subject: string, roles: readonly Role[], partner?: string): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.token(subject, roles, partner)}` };
  }

  async stop(): Promise<void> {
    await this.application.close();
    rmSync(this.config.dataDirectory, { recursive: true, force: true });
  }
}
