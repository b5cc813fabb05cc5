import { RequestMethod } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

import { accessOf } from './auth.js';

/**
 * Routes that name neither roles nor that they are public, as `GET deals (DealsController.list)`: such a route is
 * closed to everybody. A test of every application expects none.
 */
export function routesWithoutRoles(application: INestApplication): readonly string[] {
  return routesOf(application)
    .filter((route) => !route.named)
    .map((route) => route.name);
}

/** Where `@nestjs/cqrs` keeps on a handler which command it is for; it does not export the name. */
const COMMAND_HANDLER_METADATA = '__commandHandler__';

/** The commands that the application has handlers for, and whether each names the roles that may give it (`CommandRoles`). */
export function commandsOf(application: INestApplication): readonly Route[] {
  return application
    .get(DiscoveryService)
    .getProviders()
    .flatMap(({ metatype }): Route[] => {
      const command: unknown = metatype ? Reflect.getMetadata(COMMAND_HANDLER_METADATA, metatype) : undefined;
      return typeof command === 'function' ? [{ name: command.name, named: accessOf(command) !== undefined }] : [];
    });
}

interface Route {
  readonly name: string;
  readonly named: boolean;
}

/** Every route of every controller of the application. */
export function routesOf(application: INestApplication): readonly Route[] {
  const scanner = new MetadataScanner();
  return application
    .get(DiscoveryService)
    .getControllers()
    .flatMap(({ metatype }) => {
      if (typeof metatype !== 'function') return [];
      const prototype: Record<string, unknown> = metatype.prototype;
      return scanner.getAllMethodNames(prototype).flatMap((method): Route[] => {
        const handler = prototype[method];
        if (typeof handler !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, handler)) return [];
        const path = [metatype, handler].flatMap((target) => Reflect.getMetadata(PATH_METADATA, target) ?? []);
        const verb = RequestMethod[Number(Reflect.getMetadata(METHOD_METADATA, handler))] ?? 'ANY';
        return [
          {
            name: `${verb} ${path.join('/')} (${metatype.name}.${method})`,
            named: (accessOf(handler) ?? accessOf(metatype)) !== undefined,
          },
        ];
      });
    });
}
