import 'reflect-metadata';

import { applyDecorators, createParamDecorator, SetMetadata } from '@nestjs/common';
import type { CustomDecorator, ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { FastifyRequest } from 'fastify';

/** What a caller may be. A token may name several; names that are none of these are not heeded. */
export const ROLES = ['source', 'plan-designer', 'approver', 'finance', 'auditor', 'partner', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** Who calls, as the token says it. */
export interface Principal {
  /** `sub` of the token; it is the actor of every event that the call causes. */
  readonly subject: string;
  readonly roles: readonly Role[];
  /** The partner that the caller acts for, where the token names one. */
  readonly partner?: string;
  /**
   * Set where the caller may use this route only as a partner (no other role of theirs is named on it): they see
   * this partner's own and nothing else. Always the same as `partner`.
   */
  readonly limitedTo?: string;
}

const ROLES_METADATA = 'tantieme:roles';
const PUBLIC_METADATA = 'tantieme:public';

/** The roles that may use this route (or all routes of this controller); one of them is enough. */
export function Roles(...roles: readonly [Role, ...Role[]]): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(ROLES_METADATA, roles), ApiBearerAuth(), ApiExtension('x-roles', roles));
}

/** On the class of a command: the roles that may give it. Routes take them from there ({@link RolesOf}). */
export function CommandRoles(...roles: readonly [Role, ...Role[]]): ClassDecorator {
  return SetMetadata(ROLES_METADATA, roles);
}

/** On a route that gives a command: who may give the command may use the route. @throws {TypeError} for a command that names no roles. */
export function RolesOf(command: abstract new (...parameters: never[]) => object): MethodDecorator & ClassDecorator {
  const access = accessOf(command);
  const [first, ...others] = access === undefined || access === 'public' ? [] : access;
  if (first === undefined) throw new TypeError(`${command.name} names no roles`);
  return Roles(first, ...others);
}

/** Anybody may use this route, without a token. */
export function Public(): CustomDecorator {
  return SetMetadata(PUBLIC_METADATA, true);
}

/** Who may use a handler or a controller, as it says itself: nothing where it says nothing. */
export function accessOf(target: object): readonly Role[] | 'public' | undefined {
  const roles: unknown = Reflect.getMetadata(ROLES_METADATA, target);
  // Roles before public, where somebody writes both: the stricter one.
  if (Array.isArray(roles)) return ROLES.filter((role) => roles.includes(role));
  return Reflect.getMetadata(PUBLIC_METADATA, target) === true ? 'public' : undefined;
}

/** The caller of this request, as a parameter: `@Caller() caller: Principal`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  return principalOf(context.switchToHttp().getRequest<FastifyRequest>());
});

const principals = new WeakMap<FastifyRequest, Principal>();

/** Set by the access guard alone. */
export function rememberPrincipal(request: FastifyRequest, principal: Principal): void {
  principals.set(request, principal);
}

/** The principal of a request, if the access guard has let one in. */
export function findPrincipal(request: FastifyRequest): Principal | undefined {
  return principals.get(request);
}

/** @throws {Error} on a public route, which has no caller: an error of the programmer. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  if (principal === undefined)
    throw new Error('this route has no caller: it is public, or the access guard is missing');
  return principal;
}

/**
 * The partner whose data a list is to show: what was asked for, but for a partner always their own.
 * @throws {DomainError} `NotYours` where a partner asks for another's.
 */
export function ownPartner(principal: Principal, asked: string | undefined): string | undefined {
  if (principal.limitedTo === undefined) return asked;
  if (asked !== undefined) assertOwn(principal, asked);
  return principal.limitedTo;
}

/**
 * Refuses a partner what belongs to another one; does nothing for all others.
 * @throws {DomainError} `NotYours`
 */
export function assertOwn(principal: Principal, owner: string): void {
  if (principal.limitedTo !== undefined && principal.limitedTo !== owner)
    throw new DomainError('NotYours', 'a partner sees only its own', 'forbidden');
}
