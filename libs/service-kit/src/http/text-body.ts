import { RouteConfig } from '@nestjs/platform-fastify';
import type { CustomDecorator } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly textBody?: boolean;
  }
}

/**
 * This route receives JSON unparsed, as it receives YAML: its numbers must not become doubles, and its errors name line
 * and column. `@Body() text: unknown` is a string, or undefined without a body.
 */
export function TextBody(): CustomDecorator {
  return RouteConfig({ textBody: true });
}

export function receivesTextBody({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.textBody === true;
}
