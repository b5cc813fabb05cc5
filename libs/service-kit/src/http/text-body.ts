import { RouteConfig } from '@nestjs/platform-fastify';
import type { CustomDecorator } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly textBody?: boolean;
  }
}

/**
 * JSON comes to this route as the text that it is written as, like YAML: where numbers must not become doubles, and
 * what is wrong is told with line and column. `@Body() text: unknown` is a string, or undefined without a body.
 */
export function TextBody(): CustomDecorator {
  return RouteConfig({ textBody: true });
}

export function takesTextBody({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.textBody === true;
}
