import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { FastifyRequest } from 'fastify';

import { accessOf, rememberPrincipal } from './auth.js';
import type { Principal, Role } from './auth.js';
import { TokenVerifier, Unauthenticated } from './token-verifier.js';

/** Admits the roles that a route names. Deny by default: a route that names none admits nobody. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(@Inject(TokenVerifier) private readonly verifier: TokenVerifier) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    // The handler wins over its controller: a route with roles in a public controller is not public.
    const access = accessOf(context.getHandler()) ?? accessOf(context.getClass()) ?? [];
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await this.verifier.verify(bearerToken(request.headers.authorization));
    rememberPrincipal(request, admit(principal, access));
    return true;
  }
}

/** @throws {DomainError} `RoleMissing`, `PartnerClaimMissing` */
function admit(principal: Principal, allowed: readonly Role[]): Principal {
  const acting = principal.roles.filter((role) => allowed.includes(role));
  if (acting.length === 0) throw new DomainError('RoleMissing', missingRole(principal, allowed), 'forbidden');
  if (acting.some((role) => role !== 'partner')) return principal;
  if (principal.partner === undefined)
    throw new DomainError('PartnerClaimMissing', 'your token has the role partner but names no partner', 'forbidden');
  return { ...principal, limitedTo: principal.partner };
}

function missingRole({ roles }: Principal, allowed: readonly Role[]): string {
  const own = `your token has: ${roles.length === 0 ? 'none' : roles.join(', ')}`;
  if (allowed.length === 0) return `this route admits no role; ${own}`;
  return `needs ${allowed.length === 1 ? 'the role' : 'one of the roles'} ${allowed.join(', ')}; ${own}`;
}

/** RFC 6750, 2.1: only the header, since a token in a URL ends up in logs. */
function bearerToken(header: string | undefined): string {
  const match = /^Bearer +([\w~+/.=-]+) *$/i.exec(header ?? '');
  if (match?.[1] === undefined)
    throw new Unauthenticated('the request needs a bearer token: Authorization: Bearer <token>');
  return match[1];
}
