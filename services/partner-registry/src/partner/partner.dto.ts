/** What the routes take. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ID, ID_DESCRIPTION } from '@tantieme/contracts/ids';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { ChannelType } from '@tantieme/contracts/partner';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { DAY_DESCRIPTION, DAY_FORM } from '@tantieme/time/day';
import { IsIn, IsInt, IsOptional, IsString, Length, Matches, Max, MaxLength, Min, ValidateIf } from 'class-validator';

/** For every id below. */
const MUST_BE_ID = { message: `$property must be ${ID_DESCRIPTION}` };

export class PartnerPath {
  @ApiProperty({ example: 'P-1' })
  @Matches(ID, MUST_BE_ID)
  id!: string;
}

export class PartnerDayPath extends PartnerPath {
  @ApiProperty({ example: '2026-03-01', description: 'the first day on which it counts' })
  @Matches(DAY_FORM, { message: `from must be ${DAY_DESCRIPTION}` })
  from!: string;
}

export class AgreementPath extends PartnerPath {
  @ApiProperty({ example: 'A-2026' })
  @Matches(ID, MUST_BE_ID)
  agreement!: string;
}

export class PartnerDetailsBody {
  @ApiProperty({ example: 'Ada Resale' })
  @IsString()
  @Length(1, 500)
  name!: string;

  @ApiProperty({ enum: CHANNEL_TYPES })
  @IsIn(CHANNEL_TYPES)
  channel!: ChannelType;

  @ApiProperty({ example: 'FR', description: 'ISO 3166-1 alpha-2' })
  @Matches(/^[A-Z]{2}$/)
  country!: string;
}

export class TierBody {
  @ApiProperty({ example: 'gold' })
  @IsString()
  @Length(1, 100)
  tier!: string;
}

export class UplineBody {
  @ApiProperty({ example: 'P-0', nullable: true, type: String, description: 'the partner above; null for none' })
  @ValidateIf(({ upline }: UplineBody) => upline !== null)
  @Matches(ID, MUST_BE_ID)
  upline!: string | null;
}

export class AgreementBody {
  @ApiProperty({ example: 'resellers-emea-2026' })
  @Matches(ID, MUST_BE_ID)
  plan!: string;

  @ApiProperty({ example: '2026-01-01' })
  @Matches(DAY_FORM, { message: `from must be ${DAY_DESCRIPTION}` })
  from!: string;

  @ApiPropertyOptional({ example: '2027-01-01', description: 'the first day without it; open if left out' })
  @IsOptional()
  @Matches(DAY_FORM, { message: `until must be ${DAY_DESCRIPTION}` })
  until?: string;
}

export class CertificationPath extends PartnerPath {
  @ApiProperty({ example: 'C-1', description: 'of the certificate' })
  @Matches(ID, MUST_BE_ID)
  certificate!: string;
}

export class CertificationBody {
  @ApiProperty({ example: 'security-pro' })
  @Matches(ID, MUST_BE_ID)
  certification!: string;

  @ApiProperty({ example: '2026-01-01' })
  @Matches(DAY_FORM, { message: `from must be ${DAY_DESCRIPTION}` })
  from!: string;

  @ApiPropertyOptional({ example: '2027-01-01', description: 'the first day without it; open if left out' })
  @IsOptional()
  @Matches(DAY_FORM, { message: `until must be ${DAY_DESCRIPTION}` })
  until?: string;

  @ApiPropertyOptional({ example: 2, description: 'how many people hold it', minimum: 1, default: 1 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  count?: number;
}

export class PartnersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: CHANNEL_TYPES })
  @IsOptional()
  @IsIn(CHANNEL_TYPES)
  channel?: ChannelType;

  @ApiPropertyOptional({ example: 'FR' })
  @IsOptional()
  @IsString()
  @MaxLength(2)
  country?: string;
}
