import { Readable } from 'node:stream';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  Param,
  PayloadTooLargeException,
  Post,
  Put,
  Query,
  Res,
  StreamableFile,
} from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Partner } from '@tantieme/contracts/partner';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { assertOwn, Caller, Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { ChangePartner, ImportPartners } from './partner.commands.js';
import { FindPartner, ListPartners } from './partner.queries.js';
import type { Imported } from './registry.service.js';
import {
  AgreementBody,
  AgreementPath,
  CertificationBody,
  CertificationPath,
  PartnerDayPath,
  PartnerDetailsBody,
  PartnerPath,
  PartnersQuery,
  TierBody,
  UplineBody,
} from './partner.dto.js';

/** Bytes of a batch at the most: some hundred thousand partners. Its hierarchy is looked at as a whole. */
const BATCH_BYTES_MAX = 64 * 1024 * 1024;

@ApiTags('partners')
@Controller('partners')
export class PartnersController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Put(':id')
  @RolesOf(ChangePartner)
  @ApiOperation({ summary: 'Registers a partner, or changes who it is' })
  @ApiCreatedResponse({ description: 'The partner is new' })
  @ApiOkResponse({ description: 'The partner as it is now' })
  async register(
    @Param() { id }: PartnerPath,
    @Body() { name, channel, country }: PartnerDetailsBody,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<Partner> {
    const details = { name, channel, country };
    const { partner, created } = await this.commands.execute(
      new ChangePartner(id, { kind: 'details', details }, context),
    );
    reply.status(created ? HttpStatus.CREATED : HttpStatus.OK);
    return partner;
  }

  @Put(':id/tiers/:from')
  @RolesOf(ChangePartner)
  @ApiOperation({ summary: 'The tier from a day on' })
  async assignTier(
    @Param() { id, from }: PartnerDayPath,
    @Body() { tier }: TierBody,
    @Context() context: CommandContext,
  ): Promise<Partner> {
    return (await this.commands.execute(new ChangePartner(id, { kind: 'tier', from, tier }, context))).partner;
  }

  @Put(':id/uplines/:from')
  @RolesOf(ChangePartner)
  @ApiOperation({ summary: 'The partner above from a day on; 409 where somebody would be above themselves' })
  async assignUpline(
    @Param() { id, from }: PartnerDayPath,
    @Body() { upline }: UplineBody,
    @Context() context: CommandContext,
  ): Promise<Partner> {
    return (await this.commands.execute(new ChangePartner(id, { kind: 'upline', from, upline }, context))).partner;
  }

  @Put(':id/agreements/:agreement')
  @RolesOf(ChangePartner)
  @ApiOperation({ summary: 'An agreement to a plan; 409 where it overlaps with another one to the same plan' })
  async agree(
    @Param() path: AgreementPath,
    @Body() { plan, from, until }: AgreementBody,
    @Context() context: CommandContext,
  ): Promise<Partner> {
    const agreement = { id: path.agreement, plan, from, ...(until === undefined ? {} : { until }) };
    return (await this.commands.execute(new ChangePartner(path.id, { kind: 'agreement', agreement }, context))).partner;
  }

  @Put(':id/certifications/:certificate')
  @RolesOf(ChangePartner)
  @ApiOperation({ summary: 'A certification, of the partner or of so many of its people' })
  async certify(
    @Param() { id, certificate }: CertificationPath,
    @Body() { certification: name, from, until, count }: CertificationBody,
    @Context() context: CommandContext,
  ): Promise<Partner> {
    const certification = {
      id: certificate,
      certification: name,
      from,
      ...(until === undefined ? {} : { until }),
      ...(count === undefined ? {} : { count }),
    };
    const change = { kind: 'certification', certification } as const;
    return (await this.commands.execute(new ChangePartner(id, change, context))).partner;
  }

  /** The answer is NDJSON: a line for each document that is refused, and at the end the counts. */
  @Post('batch')
  @HttpCode(HttpStatus.OK)
  @RolesOf(ImportPartners)
  @ApiOperation({ summary: 'Whole partners, as NDJSON; what is so already changes nothing' })
  @ApiConsumes('application/x-ndjson')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOkResponse({ description: 'What was refused, and the counts', content: { 'application/x-ndjson': {} } })
  async import(@Body() body: unknown, @Context() context: CommandContext): Promise<StreamableFile> {
    if (!(body instanceof Readable))
      throw new DomainError('BodyNotStreamed', 'a batch is sent as application/x-ndjson', 'invalid', [
        { field: 'Content-Type', reason: 'is not application/x-ndjson' },
      ]);
    const lines = (await textOf(body)).split('\n').filter((line) => line.trim() !== '');
    const outcomes = await this.commands.execute(new ImportPartners(lines.map(parsed), context));
    return new StreamableFile(Buffer.from(report(outcomes)), { type: 'application/x-ndjson' });
  }

  @Get()
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Partners, in order of their ids' })
  list(@Query() { limit, cursor, channel, country }: PartnersQuery): Promise<Page<Partner>> {
    return this.queries.execute(new ListPartners(limit, cursor, { channel, country }));
  }

  @Get(':id')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator', 'partner')
  @ApiOperation({ summary: 'A partner; partners see their own record only' })
  find(@Param() { id }: PartnerPath, @Caller() caller: Principal): Promise<Partner> {
    assertOwn(caller, id);
    return this.queries.execute(new FindPartner(id));
  }
}

async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > BATCH_BYTES_MAX) throw new PayloadTooLargeException(`a batch has ${BATCH_BYTES_MAX} bytes at the most`);
    chunks.push(buffer);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new DomainError('BodyNotText', 'the body is not UTF-8', 'invalid', [
      { field: 'body', reason: 'is not UTF-8' },
    ]);
  }
}

/** What is no JSON is nothing that any schema accepts: it is refused together with the rest. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function report(outcomes: readonly Imported[]): string {
  const counts = { changed: 0, unchanged: 0, refused: 0 };
  const lines = outcomes.flatMap((one, index) => {
    counts[one.outcome] += 1;
    return one.outcome === 'refused'
      ? [{ type: 'refused', document: index + 1, id: one.id, code: one.code, errors: one.errors }]
      : [];
  });
  return [...lines, { type: 'result', partners: outcomes.length, ...counts }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}
