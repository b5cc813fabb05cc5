/** What the routes of partners accept and answer. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ID, ID_DESCRIPTION, ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { Agreement, Certification, ChannelType, Dated, Partner } from '@tantieme/contracts/partner';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { MessageField } from '@tantieme/service-kit/http/message-field';
import { DAY_DESCRIPTION, DAY_FORM } from '@tantieme/time/day';
import { IsIn, IsOptional, IsString, Matches, MaxLength, ValidateIf } from 'class-validator';

/** For every id below. */
const MUST_BE_ID = { message: `$property must be ${ID_DESCRIPTION}` };
const MUST_BE_DAY = { message: `$property must be ${DAY_DESCRIPTION}` };
const COUNTRY_FORM = /^[A-Z]{2}$/;
const MUST_BE_COUNTRY = { message: '$property must be an ISO 3166-1 code of two capital letters, such as FR' };

// ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

export class PartnerPath {
  @ApiProperty({ example: 'P-1', description: 'Id of the partner' })
  @Matches(ID, MUST_BE_ID)
  id!: string;
}

export class PartnerDayPath extends PartnerPath {
  @ApiProperty({ example: '2026-03-01', description: 'The first day on which it applies' })
  @Matches(DAY_FORM, MUST_BE_DAY)
  from!: string;
}

export class AgreementPath extends PartnerPath {
  @ApiProperty({ example: 'A-2026', description: 'Id of the agreement; an agreement with the same id is replaced' })
  @Matches(ID, MUST_BE_ID)
  agreement!: string;
}

export class PartnerDetailsBody {
  @ApiProperty({ example: 'Ada Resale' })
  @MessageField('partner', 'name')
  name!: string;

  @ApiProperty({ enum: CHANNEL_TYPES, example: 'retail' })
  @MessageField('partner', 'channel')
  channel!: ChannelType;

  @ApiProperty({
    example: 'FR',
    description: 'ISO 3166-1 alpha-2. A code that the standard does not have is accepted with a warning',
  })
  @MessageField('partner', 'country')
  country!: string;
}

export class TierBody {
  @ApiProperty({ example: 'gold' })
  @MessageField('partner', 'tiers', 'items', 'value')
  tier!: string;
}

export class UplineBody {
  @ApiProperty({ example: 'P-0', nullable: true, type: String, description: 'The partner above; null for none' })
  @ValidateIf(({ upline }: UplineBody) => upline !== null)
  @Matches(ID, MUST_BE_ID)
  upline!: string | null;
}

export class AgreementBody {
  @ApiProperty({ example: 'resellers-emea-2026', description: 'Id of the plan' })
  @MessageField('partner', 'agreements', 'items', 'plan')
  plan!: string;

  @ApiProperty({ example: '2026-01-01', description: 'The first day of the agreement' })
  @MessageField('partner', 'agreements', 'items', 'from')
  from!: string;

  @ApiPropertyOptional({ example: '2027-01-01', description: 'The first day without it; open if left out' })
  @IsOptional()
  @MessageField('partner', 'agreements', 'items', 'until')
  until?: string;
}

export class CertificationPath extends PartnerPath {
  @ApiProperty({ example: 'C-1', description: 'Id of the certificate; one with the same id is replaced' })
  @Matches(ID, MUST_BE_ID)
  certificate!: string;
}

export class CertificationBody {
  @ApiProperty({ example: 'security-pro', description: 'What is certified, as plans name it' })
  @MessageField('partner', 'certifications', 'items', 'certification')
  certification!: string;

  @ApiProperty({ example: '2026-01-01', description: 'The first day of the certificate' })
  @MessageField('partner', 'certifications', 'items', 'from')
  from!: string;

  @ApiPropertyOptional({ example: '2027-01-01', description: 'The first day without it; open if left out' })
  @IsOptional()
  @MessageField('partner', 'certifications', 'items', 'until')
  until?: string;

  @ApiPropertyOptional({ example: 2, description: 'How many people hold it', default: 1 })
  @IsOptional()
  @MessageField('partner', 'certifications', 'items', 'count')
  count?: number;
}

export const PARTNER_SORTS = ['id', '-id', 'name', '-name', 'country', '-country', 'channel', '-channel'] as const;
export type PartnerSort = (typeof PARTNER_SORTS)[number];

export class PartnersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: CHANNEL_TYPES, description: 'Only partners of this channel' })
  @IsOptional()
  @IsIn(CHANNEL_TYPES)
  channel?: ChannelType;

  @ApiPropertyOptional({ example: 'FR', description: 'Only partners in this country (ISO 3166-1 alpha-2)' })
  @IsOptional()
  @Matches(COUNTRY_FORM, MUST_BE_COUNTRY)
  country?: string;

  @ApiPropertyOptional({ example: 'gold', description: 'Only partners that have this tier on the day `on`' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  tier?: string;

  @ApiPropertyOptional({ example: 'P-0', description: 'Only partners directly below this one on the day `on`' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  upline?: string;

  @ApiPropertyOptional({
    example: 'resellers-emea-2026',
    description: 'Only partners with an agreement to this plan on the day `on`',
  })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  plan?: string;

  @ApiPropertyOptional({ example: 'A-2026', description: 'Only partners with this agreement on the day `on`' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  agreement?: string;

  @ApiPropertyOptional({
    example: '2026-03-01',
    description: 'The day for `tier`, `upline`, `plan` and `agreement`; today (UTC) if left out',
  })
  @IsOptional()
  @Matches(DAY_FORM, MUST_BE_DAY)
  on?: string;

  @ApiPropertyOptional({
    example: 'ada',
    description: 'Only partners whose id starts with this text, or whose name contains it',
  })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  text?: string;

  @ApiPropertyOptional({
    enum: PARTNER_SORTS,
    default: 'id',
    description: 'Order of the list, then by id; with a minus sign, the last first',
  })
  @IsOptional()
  @IsIn(PARTNER_SORTS)
  sort: PartnerSort = 'id';
}

// ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

class DatedTier implements Dated<string> {
  @ApiProperty({ example: '2026-03-01', description: 'The first day' })
  readonly from!: string;
  @ApiProperty({ example: 'gold' })
  readonly value!: string;
}

class DatedUpline implements Dated<string | null> {
  @ApiProperty({ example: '2026-01-01', description: 'The first day' })
  readonly from!: string;
  @ApiProperty({ example: 'P-0', nullable: true, type: String, description: 'The partner above; null for none' })
  readonly value!: string | null;
}

class AgreementAnswer implements Agreement {
  @ApiProperty({ example: 'A-2026' })
  readonly id!: string;
  @ApiProperty({ example: 'resellers-emea-2026' })
  readonly plan!: string;
  @ApiProperty({ example: '2026-01-01' })
  readonly from!: string;
  @ApiPropertyOptional({ example: '2027-01-01', description: 'The first day without it; absent while it is open' })
  readonly until?: string;
}

class CertificationAnswer implements Certification {
  @ApiProperty({ example: 'C-1' })
  readonly id!: string;
  @ApiProperty({ example: 'security-pro' })
  readonly certification!: string;
  @ApiProperty({ example: '2026-01-01' })
  readonly from!: string;
  @ApiPropertyOptional({ example: '2027-01-01', description: 'The first day without it; absent while it is open' })
  readonly until?: string;
  @ApiPropertyOptional({ example: 2, description: 'How many people hold it; absent for one' })
  readonly count?: number;
}

/** A partner with everything that it has from day to day. */
export class PartnerAnswer implements Partner {
  @ApiProperty({ example: 'P-1' })
  readonly id!: string;
  @ApiProperty({ example: 'Ada Resale' })
  readonly name!: string;
  @ApiProperty({ enum: CHANNEL_TYPES, example: 'retail' })
  readonly channel!: ChannelType;
  @ApiProperty({ example: 'FR', description: 'ISO 3166-1 alpha-2' })
  readonly country!: string;
  @ApiProperty({ type: [DatedTier], description: 'In order of days' })
  readonly tiers!: readonly DatedTier[];
  @ApiProperty({ type: [DatedUpline], description: 'In order of days' })
  readonly uplines!: readonly DatedUpline[];
  @ApiProperty({ type: [AgreementAnswer] })
  readonly agreements!: readonly AgreementAnswer[];
  @ApiPropertyOptional({ type: [CertificationAnswer], description: 'In order of days; absent where there are none' })
  readonly certifications?: readonly CertificationAnswer[];
}

/** A partner that is accepted although something that it refers to is not known. */
export class RegisteredPartner extends PartnerAnswer {
  @ApiPropertyOptional({
    type: [String],
    example: ['country: ZZ is not in ISO 3166-1'],
    description: 'What is accepted, but probably wrong; absent where there is nothing',
  })
  readonly warnings?: readonly string[];
}

export const WARNING_FIELDS = ['country', 'upline'] as const;

/** A reference of a partner to something that does not exist. */
export class PartnerWarning {
  @ApiProperty({ example: 'P-7' })
  readonly partner!: string;
  @ApiProperty({ enum: WARNING_FIELDS, example: 'country' })
  readonly field!: (typeof WARNING_FIELDS)[number];
  @ApiProperty({ example: 'ZZ' })
  readonly value!: string;
  @ApiProperty({ example: 'ZZ is not in ISO 3166-1' })
  readonly reason!: string;
}
