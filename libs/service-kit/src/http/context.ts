import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import type { FastifyRequest } from 'fastify';

import { principalOf } from '../access/auth.js';
import type { Principal } from '../access/auth.js';

/** Who gives a command over HTTP, and why. Event ids are derived from `cause`: the same cause gives the same ids. */
export function commandContext(principal: Principal, correlationId: string, cause: string): RequestContext {
  return { actor: principal.subject, correlationId, cause };
}

/**
 * The command context of this request, as a parameter: `@Context() context: RequestContext`. Its cause is the method,
 * the address and the idempotency key (the correlation id where there is no key).
 */
export const Context = createParamDecorator((_: unknown, context: ExecutionContext): RequestContext => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const key = request.headers['idempotency-key'];
  const cause = `http:${request.method} ${request.url}:${typeof key === 'string' ? key : request.id}`;
  return commandContext(principalOf(request), request.id, cause);
});
