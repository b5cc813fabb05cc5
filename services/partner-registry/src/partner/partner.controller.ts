import {
  applyDecorators,
  Body,
  Controller,
  Delete,
  Get,
  HttpStatus,
  Inject,
  Param,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { assertOwn, Caller, Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { isKnownCountry } from './country.service.js';
import type { WithdrawableKind } from './partner.js';
import { ChangePartner } from './partner.commands.js';
import {
  AgreementBody,
  AgreementPath,
  CertificationBody,
  CertificationPath,
  PartnerAnswer,
  PartnerDayPath,
  PartnerDetailsBody,
  PartnerPath,
  PartnersQuery,
  PartnerWarning,
  RegisteredPartner,
  TierBody,
  UplineBody,
} from './partner.dto.js';
import { FindPartner, ListPartners, ListPartnerWarnings } from './partner.queries.js';
import type { RequestedChange } from './requested-change.js';
import { unknownCountry } from './warnings.js';

const UNKNOWN = { PartnerUnknown: 'the partner is not registered' };
const INVALID = { PartnerInvalid: 'a field is not valid; `errors` name it' };

/** What the routes that withdraw have in common. */
function Withdrawal(of: WithdrawableKind): MethodDecorator {
  const article = of === 'agreement' || of === 'upline' ? 'an' : 'a';
  return applyDecorators(
    RolesOf(ChangePartner),
    ApiOperation({
      summary: `Withdraw ${article} ${of}`,
      description:
        'One that was recorded by mistake: the partner is as if it had never been, and the deals that read it are credited ' +
        'again. Withdrawing what is not there changes nothing.',
    }),
    ApiOkResponse({ type: PartnerAnswer, description: 'The partner as it is now' }),
    ApiProblems({ 404: UNKNOWN, 422: INVALID }),
  );
}

@ApiTags('partners')
@Controller()
export class PartnersController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Put('partners/:id')
  @RolesOf(ChangePartner)
  @ApiOperation({
    summary: 'Register or change a partner',
    description: 'Sets name, channel and country. What the partner has from day to day stays as it is.',
  })
  @ApiCreatedResponse({ type: RegisteredPartner, description: 'The partner is new' })
  @ApiOkResponse({ type: RegisteredPartner, description: 'The partner as it is now' })
  @ApiProblems({ 422: INVALID })
  async register(
    @Param() { id }: PartnerPath,
    @Body() { name, channel, country }: PartnerDetailsBody,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<RegisteredPartner> {
    const { partner, created } = await this.commands.execute(
      new ChangePartner(id, { kind: 'details', details: { name, channel, country } }, context),
    );
    reply.status(created ? HttpStatus.CREATED : HttpStatus.OK);
    const warnings = isKnownCountry(country) ? undefined : [`country: ${unknownCountry(country)}`];
    return omitUndefined({ ...partner, warnings });
  }

  @Put('partners/:id/tiers/:from')
  @RolesOf(ChangePartner)
  @ApiOperation({
    summary: 'Assign a tier',
    description: 'The tier from a day on, until the next tier. An assignment for the same day is replaced.',
  })
  @ApiOkResponse({ type: PartnerAnswer, description: 'The partner as it is now' })
  @ApiProblems({ 404: UNKNOWN, 422: INVALID })
  assignTier(
    @Param() { id, from }: PartnerDayPath,
    @Body() { tier }: TierBody,
    @Context() context: RequestContext,
  ): Promise<PartnerAnswer> {
    return this.change(id, { kind: 'tier', from, tier }, context);
  }

  @Put('partners/:id/uplines/:from')
  @RolesOf(ChangePartner)
  @ApiOperation({
    summary: 'Assign an upline',
    description: 'The partner above from a day on, until the next upline. An assignment for the same day is replaced.',
  })
  @ApiOkResponse({ type: PartnerAnswer, description: 'The partner as it is now' })
  @ApiProblems({
    404: UNKNOWN,
    409: { UplineCircle: 'a partner would be above itself on some day' },
    422: {
      ...INVALID,
      UplineUnknown: 'the upline is not registered',
      HierarchyTooDeep: 'more partners are above than a hierarchy may have',
    },
  })
  assignUpline(
    @Param() { id, from }: PartnerDayPath,
    @Body() { upline }: UplineBody,
    @Context() context: RequestContext,
  ): Promise<PartnerAnswer> {
    return this.change(id, { kind: 'upline', from, upline }, context);
  }

  @Put('partners/:id/agreements/:agreement')
  @RolesOf(ChangePartner)
  @ApiOperation({
    summary: 'Agree to a plan',
    description: 'An agreement with the same id is replaced: that is how an agreement ends.',
  })
  @ApiOkResponse({ type: PartnerAnswer, description: 'The partner as it is now' })
  @ApiProblems({
    404: UNKNOWN,
    409: { AgreementOverlaps: 'another agreement of the partner to the same plan covers some of the days' },
    422: INVALID,
  })
  agree(
    @Param() path: AgreementPath,
    @Body() { plan, from, until }: AgreementBody,
    @Context() context: RequestContext,
  ): Promise<PartnerAnswer> {
    const agreement = omitUndefined({ id: path.agreement, plan, from, until });
    return this.change(path.id, { kind: 'agreement', agreement }, context);
  }

  @Put('partners/:id/certifications/:certificate')
  @RolesOf(ChangePartner)
  @ApiOperation({
    summary: 'Record a certificate',
    description: 'Of the partner, or of some of its people. A certificate with the same id is replaced.',
  })
  @ApiOkResponse({ type: PartnerAnswer, description: 'The partner as it is now' })
  @ApiProblems({ 404: UNKNOWN, 422: INVALID })
  certify(
    @Param() { id, certificate }: CertificationPath,
    @Body() { certification: name, from, until, count }: CertificationBody,
    @Context() context: RequestContext,
  ): Promise<PartnerAnswer> {
    const certification = omitUndefined({ id: certificate, certification: name, from, until, count });
    return this.change(id, { kind: 'certification', certification }, context);
  }

  @Delete('partners/:id/tiers/:from')
  @Withdrawal('tier')
  withdrawTier(@Param() { id, from }: PartnerDayPath, @Context() context: RequestContext): Promise<PartnerAnswer> {
    return this.withdraw(id, 'tier', from, context);
  }

  @Delete('partners/:id/uplines/:from')
  @Withdrawal('upline')
  @ApiProblems({ 409: { UplineCircle: 'a partner would be above itself on some day' } })
  withdrawUpline(@Param() { id, from }: PartnerDayPath, @Context() context: RequestContext): Promise<PartnerAnswer> {
    return this.withdraw(id, 'upline', from, context);
  }

  @Delete('partners/:id/agreements/:agreement')
  @Withdrawal('agreement')
  withdrawAgreement(
    @Param() { id, agreement }: AgreementPath,
    @Context() context: RequestContext,
  ): Promise<PartnerAnswer> {
    return this.withdraw(id, 'agreement', agreement, context);
  }

  @Delete('partners/:id/certifications/:certificate')
  @Withdrawal('certification')
  withdrawCertification(
    @Param() { id, certificate }: CertificationPath,
    @Context() context: RequestContext,
  ): Promise<PartnerAnswer> {
    return this.withdraw(id, 'certification', certificate, context);
  }

  @Get('partners')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List partners',
    description: 'As the read model has them: a partner that was changed this moment may still be listed as before.',
  })
  @ApiPage(PartnerAnswer)
  list(@Query() query: PartnersQuery): Promise<Page<PartnerAnswer>> {
    return this.queries.execute(new ListPartners(query));
  }

  @Get('partners/:id')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator', 'partner')
  @ApiOperation({ summary: 'Show a partner', description: 'Partners see their own record only.' })
  @ApiOkResponse({ type: PartnerAnswer, description: 'The partner' })
  @ApiProblems({ 403: { NotYours: 'the caller is another partner' }, 404: UNKNOWN })
  find(@Param() { id }: PartnerPath, @Caller() caller: Principal): Promise<PartnerAnswer> {
    assertOwn(caller, id);
    return this.queries.execute(new FindPartner(id));
  }

  @Get('partner-warnings')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List warnings about partners',
    description:
      'References to what does not exist: countries that ISO 3166-1 does not have, uplines that are not registered.',
  })
  @ApiPage(PartnerWarning)
  warnings(@Query() { limit, cursor }: PageQuery): Promise<Page<PartnerWarning>> {
    return this.queries.execute(new ListPartnerWarnings(limit, cursor));
  }

  private withdraw(id: string, of: WithdrawableKind, key: string, context: RequestContext): Promise<PartnerAnswer> {
    return this.change(id, { kind: 'withdrawal', of, key }, context);
  }

  private async change(id: string, change: RequestedChange, context: RequestContext): Promise<PartnerAnswer> {
    return (await this.commands.execute(new ChangePartner(id, change, context))).partner;
  }
}
