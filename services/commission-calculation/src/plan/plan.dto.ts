import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan/document';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { ChoiceFilter, IsDay, TextFilter } from '../fields.dto.js';
import { VERSION_STATES } from './plan.js';
import type { Attribution, VersionState } from './plan.js';

const PLAN_TEXT = `plan: resellers-2026
title: Resellers 2026
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: hardware
    credit: { trigger: booked, to: seller, basis: net, where: { line.category: hardware } }
    rate: { percent: 5 % }
`;

const DOCUMENT = {
  plan: 'resellers-2026',
  title: 'Resellers 2026',
  currency: 'EUR',
  calendar: { periods: 'monthly', timeZone: 'Europe/Paris' },
  components: [
    {
      id: 'hardware',
      credit: { trigger: 'booked', to: 'seller', basis: 'net', where: { 'line.category': 'hardware' } },
      rate: { percent: '5 %' },
    },
  ],
};

/** Body of the routes that take a plan document. The engine's `schemas/plan.v1.json` describes the document itself. */
export const PLAN_BODY = {
  schema: {
    type: 'object',
    description: 'The plan document as YAML or JSON, or JSON with its text: `{ "document": "plan: …" }`',
  },
  examples: {
    yaml: { summary: 'YAML', value: PLAN_TEXT },
    json: { summary: 'JSON', value: DOCUMENT },
    text: { summary: 'JSON with the text of a document', value: { document: PLAN_TEXT } },
  },
};

/** @throws {DomainError} `RequestInvalid` */
export function planTextOf(body: unknown): string {
  if (typeof body !== 'string' || body.trim() === '')
    throw invalid('document', 'is missing: send the plan document as the body, YAML or JSON');
  const { document, ...others } = wrapperOf(body) ?? { document: body };
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(other, 'is not allowed beside "document"');
  return document;
}

/** JSON with a text under `document`, a key that plans do not have. */
function wrapperOf(body: string): { readonly document: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isWrapper(value) ? value : undefined;
  } catch {
    // YAML, or JSON with a mistake: the plan's parser reports it with line and column.
    return undefined;
  }
}

function isWrapper(value: unknown): value is { readonly document: string } {
  return typeof value === 'object' && value !== null && 'document' in value && typeof value.document === 'string';
}

function invalid(field: string, reason: string): DomainError {
  return new DomainError('RequestInvalid', 'the body is not a plan document', 'invalid', [{ field, reason }]);
}

export class PlansQuery extends PageQuery {
  @ChoiceFilter(VERSION_STATES, { description: 'Plans with a version in this state today' })
  state?: VersionState;

  @TextFilter({ description: 'Part of the id or title, in upper or lower case', example: 'resell' })
  text?: string;
}

export class PublishBody {
  @ApiProperty({
    example: '2026-01-01',
    description: "Day in the plan's time zone. The version applies to measurement windows that start on or after it",
  })
  @IsDay()
  effectiveFrom!: string;
}

export class EndBody {
  @ApiProperty({
    example: '2026-12-31',
    description: "Last day, in the plan's time zone, on which anything is credited",
  })
  @IsDay()
  lastDay!: string;
}

class AttributionAnswer implements Attribution {
  @ApiProperty({ example: 'dora@example.com', description: 'Subject of the person' })
  readonly by!: string;

  @ApiProperty({ example: '2025-12-01T09:30:00.000Z' })
  readonly at!: string;
}

class PublicationAnswer extends AttributionAnswer {
  @ApiProperty({ example: '2026-01-01', description: "Day in the plan's time zone" })
  readonly effectiveFrom!: string;
}

class PlanEndAnswer extends AttributionAnswer {
  @ApiProperty({ example: '2026-12-31', description: "Day in the plan's time zone" })
  readonly lastDay!: string;
}

export class PlanFinding implements Finding {
  @ApiProperty({ example: 'RateFallsWithSales', description: 'Stable; `docs/plan-lint.md` explains each code' })
  readonly code!: string;

  @ApiProperty({ enum: ['error', 'warning'], example: 'warning' })
  readonly severity!: 'error' | 'warning';

  @ApiProperty({ example: 'the rate falls from 6 % to 4 % at 1000' })
  readonly message!: string;

  @ApiPropertyOptional({ example: 'partners hold deals back', description: 'Why it matters' })
  readonly why?: string;

  @ApiProperty({
    example: '/components/0/rate/marginal/1/pay',
    description: 'JSON pointer into the document',
  })
  readonly path!: string;

  @ApiProperty({ example: 13, description: 'Line in the text that was sent, from 1' })
  readonly line!: number;

  @ApiProperty({ example: 33, description: 'Column in the text that was sent, from 1' })
  readonly column!: number;
}

export class PlanLint {
  @ApiProperty({ type: [PlanFinding] })
  readonly findings!: readonly PlanFinding[];

  @ApiPropertyOptional({
    example: '9f2c41d0c1a7e5b36d8f0a94b7c25e813f6a1d9c0b4e72583d61f9a0c7e4b215',
    description: "SHA-256, hex, of the document's canonical JSON; absent where there are errors",
  })
  readonly hash?: string;
}

export class PlanVersionSummary {
  @ApiProperty({ example: 2, description: 'From 1, in order of drafting' })
  readonly version!: number;

  @ApiProperty({ enum: VERSION_STATES, example: 'published', description: "As of today in the plan's time zone" })
  readonly state!: VersionState;

  @ApiProperty({
    example: '9f2c41d0c1a7e5b36d8f0a94b7c25e813f6a1d9c0b4e72583d61f9a0c7e4b215',
    description: "SHA-256, hex, of the document's canonical JSON",
  })
  readonly hash!: string;

  @ApiProperty()
  readonly drafted!: AttributionAnswer;

  @ApiPropertyOptional()
  readonly approved?: AttributionAnswer;

  @ApiPropertyOptional()
  readonly published?: PublicationAnswer;

  @ApiProperty({ type: [PlanFinding], description: 'Warnings of the linter when the version was drafted' })
  readonly findings!: readonly PlanFinding[];
}

export class PlanSummary {
  @ApiProperty({ example: 'resellers-2026' })
  readonly plan!: string;

  @ApiProperty({ example: 'Resellers 2026', description: 'Of the newest version, as are currency and calendar' })
  readonly title!: string;

  @ApiProperty({ example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiPropertyOptional({ description: 'Present once the plan has a last day, in the past or to come' })
  readonly ended?: PlanEndAnswer;

  @ApiProperty({ type: [PlanVersionSummary], description: 'In order of drafting' })
  readonly versions!: readonly PlanVersionSummary[];
}

export class PlanVersionDetail extends PlanVersionSummary {
  @ApiProperty({ example: 'resellers-2026' })
  readonly plan!: string;

  @ApiProperty({ type: 'object', additionalProperties: true, example: DOCUMENT })
  readonly document!: PlanDocument;

  @ApiPropertyOptional({
    type: [String],
    example: ['hardware of resellers takes effect on 2026-02-01, inside 2026-Q1, so it pays nothing before 2026-04-01'],
    description: 'Components that pay nothing yet, since the plan starts inside a measurement window; absent for none',
  })
  readonly notices?: readonly string[];
}

export class PlanDraftAnswer extends PlanVersionDetail {
  @ApiProperty({ example: true, description: 'False where the newest version has this document already' })
  readonly isNew!: boolean;
}
