/** Fields that several requests of this service share. */
import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { IsIn, IsOptional, IsString, MaxLength, ValidateBy } from 'class-validator';

/** A day that is not a field of a message. */
export function IsDay(): PropertyDecorator {
  return ValidateBy({
    name: 'isDay',
    validator: {
      validate: (value) => typeof value === 'string' && isDay(value),
      defaultMessage: () => `must be ${DAY_DESCRIPTION}`,
    },
  });
}

/** An optional text in the query of a list. */
export function TextFilter(described: {
  readonly description: string;
  readonly example: string;
  readonly lengthMax?: number;
}): PropertyDecorator {
  const { lengthMax = ID_LENGTH_MAX, ...documentation } = described;
  return applyDecorators(ApiPropertyOptional(documentation), IsOptional(), IsString(), MaxLength(lengthMax));
}

/** An optional choice in the query of a list. */
export function ChoiceFilter(
  choices: readonly string[],
  described: { readonly description: string; readonly default?: string },
): PropertyDecorator {
  return applyDecorators(ApiPropertyOptional({ ...described, enum: [...choices] }), IsOptional(), IsIn(choices));
}
