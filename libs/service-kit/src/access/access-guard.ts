import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { FastifyRequest } from 'fastify';

import { accessOf, rememberPrincipal } from './auth.js';
import type { Principal, Role } from './auth.js';
import { TokenVerifier, Unauthenticated } from './token-verifier.js';

/** Lets in whom a route names. Deny by default: a route that names nobody is nobody's. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(@Inject(TokenVerifier) private readonly verifier: TokenVerifier) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    // The handler's own word counts before its controller's: a route with roles in a public controller is not public.
    const access = accessOf(context.getHandler()) ?? accessOf(context.getClass()) ?? [];
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await this.verifier.verify(bearerToken(request.headers.authorization));
    rememberPrincipal(request, admit(principal, access));
    return true;
  }
}

/** The principal as this route takes it. @throws {DomainError} `RoleMissing`, `PartnerClaimMissing` */
function admit(principal: Principal, allowed: readonly Role[]): Principal {
  const acting = principal.roles.filter((role) => allowed.includes(role));
  if (acting.length === 0) throw new DomainError('RoleMissing', 'this route is not for your roles', 'forbidden');
  if (acting.some((role) => role !== 'partner')) return principal;
  if (principal.partner === undefined)
    throw new DomainError('PartnerClaimMissing', 'the token has the role partner, but names no partner', 'forbidden');
  return { ...principal, limitedTo: principal.partner };
}

/** RFC 6750, 2.1: only the header; a token in a URL ends in logs. */
function bearerToken(header: string | undefined): string {
  const match = /^Bearer +([\w~+/.=-]+) *$/i.exec(header ?? '');
  if (match?.[1] === undefined) throw new Unauthenticated('a bearer token is needed');
  return match[1];
}
