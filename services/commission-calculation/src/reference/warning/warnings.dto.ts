import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { ChoiceFilter, TextFilter } from '../../fields.dto.js';
import { WARNING_CODES } from './warnings.js';
import type { Warning, WarningCode } from './warnings.js';

export class WarningAnswer implements Warning {
  @ApiProperty({ enum: WARNING_CODES, example: 'ComponentUnknown' })
  readonly code!: WarningCode;

  @ApiProperty({ example: 'component', description: 'Field with the unknown name' })
  readonly field!: string;

  @ApiProperty({
    example: 'no version of the plan resellers-2026 has a component "hardwear"; did you mean "hardware"?',
  })
  readonly message!: string;
}

export const WARNING_KINDS = ['agreement', 'quota'] as const;
export type WarningKind = (typeof WARNING_KINDS)[number];

export class WarningListed extends WarningAnswer {
  @ApiProperty({ enum: WARNING_KINDS, example: 'quota', description: 'Kind of the fact' })
  readonly kind!: WarningKind;

  @ApiProperty({ example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ example: 'resellers-2026' })
  readonly plan!: string;

  @ApiPropertyOptional({ example: 'hardwear', description: 'Of a quota' })
  readonly component?: string;
}

export class WarningsQuery extends PageQuery {
  @ChoiceFilter(WARNING_KINDS, { description: 'Kind of the fact' })
  kind?: WarningKind;

  @ChoiceFilter(WARNING_CODES, { description: 'Code of the warning' })
  code?: WarningCode;

  @TextFilter({ description: 'Payee', example: 'acme' })
  payee?: string;

  @TextFilter({ description: 'Plan', example: 'resellers-2026' })
  plan?: string;
}
