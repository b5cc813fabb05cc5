import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';

import { Body, Controller, Get, HttpStatus, Inject, Module, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Type } from 'class-transformer';
import { IsArray, IsOptional, IsString, Matches, ValidateNested } from 'class-validator';
import type { FastifyReply } from 'fastify';

import { createApplication } from '../application/application.js';
import { assertOwn, Caller, ownPartner, Public, Roles } from '../access/auth.js';
import type { Principal, Role } from '../access/auth.js';
import { Background } from '../background/background.js';
import { loadConfig } from '../runtime/config.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { Context } from '../http/context.js';
import { PageQuery } from '../http/cursor.js';
import { mintToken } from '../access/development-issuer.js';
import { TextBody } from '../http/text-body.js';

class LineBody {
  @Matches(/^\d+\.\d\d$/, { message: 'net has not two decimals' })
  net!: string;
}

class OrderBody {
  @IsString()
  id!: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LineBody)
  lines!: LineBody[];
}

class OrdersQuery extends PageQuery {
  @IsOptional()
  @IsString()
  partner?: string;
}

/** Counts what was really done, and holds back what is told to wait. */
export class Workbench {
  calls = 0;
  gate: Promise<void> = Promise.resolve();
}

@Controller('orders')
class OrdersController {
  constructor(@Inject(Workbench) private readonly bench: Workbench) {}

  @Post()
  @Roles('source', 'finance')
  async take(
    @Body() body: OrderBody,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    this.bench.calls += 1;
    await this.bench.gate;
    if (body.id === 'taken') throw new DomainError('OrderKnown', 'the order is known with other content', 'conflict');
    if (body.id === 'again') void reply.status(HttpStatus.OK);
    void reply.header('location', `/orders/${body.id}`);
    return { id: body.id, call: this.bench.calls, context };
  }

  @Get()
  @Roles('finance', 'partner')
  list(@Caller() caller: Principal, @Query() { limit, partner }: OrdersQuery): object {
    return { partner: ownPartner(caller, partner) ?? null, limit };
  }

  @Get(':id')
  @Roles('finance', 'partner', 'source')
  one(@Caller() caller: Principal, @Param('id') id: string): object {
    if (id === 'broken') throw new Error('the password is hunter2');
    if (id === 'none') throw new DomainError('OrderUnknown', 'there is no such order', 'not-found');
    assertOwn(caller, id);
    return { id, caller };
  }

  @Put(':id')
  @Roles('source')
  change(@Param('id') id: string): object {
    this.bench.calls += 1;
    return { id, call: this.bench.calls };
  }
}

@Controller('bodies')
class BodiesController {
  @Post('stream')
  @Roles('source')
  async stream(@Body() body: unknown): Promise<object> {
    return body instanceof Readable ? { streamed: (await text(body)).length } : { streamed: null };
  }

  @Post('text')
  @Roles('source')
  @TextBody()
  text(@Body() body: unknown): object {
    return { text: body };
  }
}

@Public()
@Controller('mixed')
class MixedController {
  @Get('open')
  open(): object {
    return {};
  }

  @Get('closed')
  @Roles('operator')
  closed(): object {
    return {};
  }
}

@Controller('forgotten')
class ForgottenController {
  @Get('route')
  route(): object {
    return {};
  }
}

@Module({
  controllers: [OrdersController, BodiesController, MixedController, ForgottenController],
  providers: [Workbench],
})
export class SampleModule {
  static stopped: string[] = [];

  constructor(@Inject(Background) background: Background) {
    for (const name of ['sample-first', 'sample-second'])
      background.add(name, () => {
        if (SampleModule.failure !== undefined && name === 'sample-second') throw SampleModule.failure;
        return {
          position: () => Promise.resolve(0n),
          lastError: () => (name === 'sample-second' ? SampleModule.trouble : undefined),
          stop: () => {
            SampleModule.stopped.push(name);
            return Promise.resolve();
          },
        };
      });
  }

  /** Why the second background work does not start. */
  static failure: Error | undefined;

  /** What the second background work suffers from. */
  static trouble: string | undefined;
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
    return new Sample(config, await createApplication(SampleModule, config));
  }

  get bench(): Workbench {
    return this.application.get(Workbench);
  }

  token(subject: string, roles: readonly Role[], partner?: string): Promise<string> {
    return mintToken({
      dataDirectory: this.config.dataDirectory,
      subject,
      roles,
      ...(partner === undefined ? {} : { partner }),
    });
  }

  async authorization(subject: string, roles: readonly Role[], partner?: string): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.token(subject, roles, partner)}` };
  }

  async stop(): Promise<void> {
    await this.application.close();
    rmSync(this.config.dataDirectory, { recursive: true, force: true });
  }
}
