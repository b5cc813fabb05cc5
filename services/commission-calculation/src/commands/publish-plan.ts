import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { parsePlan } from '@tantieme/commission-engine/plan';
import type { Finding } from '@tantieme/commission-engine/plan';
import type { PlanDocument } from '@tantieme/commission-engine/plan-document';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decider';
import type { CommandContext } from '@tantieme/event-sourcing/runtime';
import { planStream } from '../domain/plan.js';
import { Runtimes } from '../runtimes.js';

export interface PublishedPlan {
  readonly plan: string;
  readonly hash: string;
  readonly effectiveFrom: string;
  /** False where the plan had this version already. */
  readonly isNew: boolean;
  /** Warnings. */
  readonly findings: readonly Finding[];
}

/** A new version of a plan, from its text (YAML or JSON). */
export class PublishPlanText {
  constructor(
    readonly text: string,
    /** Day in the plan's time zone. */
    readonly effectiveFrom: string,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(PublishPlanText)
export class PublishPlanTextHandler implements ICommandHandler<PublishPlanText, PublishedPlan> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PlanInvalid`, `PlanVersionRefused` */
  async execute({ text, effectiveFrom, context }: PublishPlanText): Promise<PublishedPlan> {
    const { document, findings } = parsePlan(text);
    if (document === undefined) throw invalidPlan(findings);
    const hash = hashOfPlan(document);
    const { stored } = await this.runtimes.plans.handle(
      planStream(document.plan),
      { document, hash, effectiveFrom, at: new Date().toISOString() },
      context,
    );
    this.runtimes.planBook.take(stored);
    return { plan: document.plan, hash, effectiveFrom, isNew: stored.length > 0, findings };
  }
}

/** By it credits name the version that they were made under. */
export function hashOfPlan(document: PlanDocument): string {
  return sha256(canonicalJson(document));
}

function invalidPlan(findings: readonly Finding[]): DomainError {
  const errors = findings.filter(({ severity }) => severity === 'error');
  return new DomainError(
    'PlanInvalid',
    'the plan document is not valid',
    'invalid',
    errors.map(({ path, code, message, line, column }) => ({
      field: `document${path}`,
      reason: `${message} (${code}, line ${line}, column ${column})`,
    })),
  );
}
