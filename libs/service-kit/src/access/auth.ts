import 'reflect-metadata';

import { applyDecorators, createParamDecorator, SetMetadata } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { FastifyRequest } from 'fastify';

/** What a caller may be. A token may name several; other names in it are ignored. */
export const ROLES = ['source', 'plan-designer', 'approver', 'finance', 'auditor', 'partner', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** The caller, as their token describes them. */
export interface Principal {
  /** `sub` of the token: the actor of every event that the call causes. */
  readonly subject: string;
  readonly roles: readonly Role[];
  /** The partner that the caller acts for, where the token names one. */
  readonly partner?: string;
  /**
   * Set where the route admits the caller only as a partner (it names none of their other roles): they see this
   * partner's data and nothing else. Equal to `partner`.
   */
  readonly limitedTo?: string;
}

const ROLES_METADATA = 'tantieme:roles';
const PUBLIC_METADATA = 'tantieme:public';

/** The roles that may use this route (or all routes of this controller); one of them is enough. */
export function Roles(...roles: readonly [Role, ...Role[]]): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(ROLES_METADATA, roles), ApiBearerAuth(), ApiExtension('x-roles', roles));
}

/** On the class of a command: the roles that may give it. Routes copy them ({@link RolesOf}). */
export function CommandRoles(...roles: readonly [Role, ...Role[]]): ClassDecorator {
  return SetMetadata(ROLES_METADATA, roles);
}

/**
 * On a route that gives a command: the roles of the command.
 * @throws {TypeError} for a command that names no roles.
 */
export function RolesOf(command: abstract new (...parameters: never[]) => object): MethodDecorator & ClassDecorator {
  const access = accessOf(command);
  const [first, ...others] = access === undefined || access === 'public' ? [] : access;
  if (first === undefined) throw new TypeError(`${command.name} names no roles`);
  return Roles(first, ...others);
}

/** Anybody may use this route, without a token. */
export function Public(): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(PUBLIC_METADATA, true), ApiExtension('x-public', true));
}

/** The roles that a handler, controller or command names on itself; undefined where it names none. */
export function accessOf(target: object): readonly Role[] | 'public' | undefined {
  const roles: unknown = Reflect.getMetadata(ROLES_METADATA, target);
  // Roles win over public where both are there: the stricter one.
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

/** The principal of a request; undefined on public routes. */
export function findPrincipal(request: FastifyRequest): Principal | undefined {
  return principals.get(request);
}

/** @throws {Error} on a public route, which has no caller: a programming error. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  if (principal === undefined)
    throw new Error('this route has no caller: it is public, or the access guard is missing');
  return principal;
}

/**
 * The partner to filter a list by: the requested one, or the caller's own where the caller is a partner.
 * @throws {DomainError} `NotYours` where a partner requests another one.
 */
export function ownPartner(principal: Principal, requested: string | undefined): string | undefined {
  if (principal.limitedTo === undefined) return requested;
  if (requested !== undefined) assertOwn(principal, requested);
  return principal.limitedTo;
}

/**
 * Refuses a partner access to another one's data; does nothing for other callers.
 * @throws {DomainError} `NotYours`
 */
export function assertOwn(principal: Principal, owner: string): void {
  if (principal.limitedTo !== undefined && principal.limitedTo !== owner)
    throw new DomainError(
      'NotYours',
      `this belongs to another partner; you see only the data of ${principal.limitedTo}`,
      'forbidden',
    );
}
