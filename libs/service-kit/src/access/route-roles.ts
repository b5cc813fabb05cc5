import { RequestMethod } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

import { accessOf } from './auth.js';

/**
 * Routes without `@Roles` or `@Public()`, as `GET deals (DealsController.list)`: they admit nobody. A test of every
 * application expects none.
 */
export function routesWithoutRoles(application: INestApplication): readonly string[] {
  return routesOf(application)
    .filter((route) => !route.named)
    .map((route) => route.name);
}

/** Under this key `@nestjs/cqrs` stores the command of a handler; it does not export the name. */
const COMMAND_HANDLER_METADATA = '__commandHandler__';

/** The commands that the application handles, and whether each names its roles (`CommandRoles`). */
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
  return routeHandlersOf(application).map(({ controller, method, handler }) => {
    const path = [controller, handler].flatMap((target): unknown => Reflect.getMetadata(PATH_METADATA, target) ?? []);
    const verb = RequestMethod[Number(Reflect.getMetadata(METHOD_METADATA, handler))] ?? 'ANY';
    return {
      name: `${verb} ${path.join('/')} (${controller.name}.${method})`,
      named: (accessOf(handler) ?? accessOf(controller)) !== undefined,
    };
  });
}

export interface RouteHandler {
  readonly controller: abstract new (...parameters: never[]) => object;
  /** The name of the method. */
  readonly method: string;
  readonly handler: object;
}

/** The methods of the application's controllers that answer routes. */
export function routeHandlersOf(application: INestApplication): readonly RouteHandler[] {
  const scanner = new MetadataScanner();
  return application
    .get(DiscoveryService)
    .getControllers()
    .flatMap(({ metatype: controller }) => {
      if (typeof controller !== 'function') return [];
      const prototype = controller.prototype as Record<string, unknown>;
      return scanner.getAllMethodNames(prototype).flatMap((method): RouteHandler[] => {
        const handler = prototype[method];
        if (typeof handler !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, handler)) return [];
        return [{ controller: controller as RouteHandler['controller'], method, handler }];
      });
    });
}
