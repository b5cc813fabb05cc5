import 'reflect-metadata';

import { randomUUID } from 'node:crypto';

import { Logger, Module } from '@nestjs/common';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';

import type { RuntimeConfig } from './config.js';
import { createLogger, PinoNestLogger } from './logging.js';
import { publishApiDocuments } from './openapi.js';
import { RuntimeModule } from './runtime-module.js';

/** Joins the runtime and the service modules of one process. */
@Module({})
class Host {}

/** Bodies that are read as they come, row by row, and never held as a whole: imports. `request.body` is a `Readable`. */
export const STREAMED_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'text/csv'];

/** Bodies that are text to their route: plan documents. `request.body` is a string. */
export const TEXT_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/plain'];

/** What a correlation id from outside may look like: it goes into events, logs and headers. */
const CORRELATION_ID = /^[\w.:@/+=-]{1,128}$/;

/**
 * An application of the given module (one service, or many) on the runtime of `config`, initialised: the stores are
 * open and the background work runs. `listen` opens the port; `app.inject` needs none; `app.close()` ends all of it.
 * @throws {ConfigError | DirectoryLocked}
 */
export async function createApplication(
  rootModule: Type | DynamicModule,
  config: RuntimeConfig,
): Promise<NestFastifyApplication> {
  const logger = createLogger(config.logLevel);
  const adapter = new FastifyAdapter({
    loggerInstance: logger,
    disableRequestLogging: true,
    bodyLimit: config.bodyBytesMax,
    genReqId: correlationIdOf,
    requestIdLogLabel: 'correlationId',
    routerOptions: { maxParamLength: 500 },
    // A request that hangs while it sends its headers must not hold a connection for ever.
    requestTimeout: 0,
  });
  const root: DynamicModule = { module: Host, imports: [RuntimeModule.forRoot(config), rootModule] };
  const application = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new PinoNestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  try {
    const fastify: FastifyInstance = application.getHttpAdapter().getInstance();
    acceptBodies(fastify);
    tellAboutRequests(fastify);
    publishApiDocuments(application);
    return await application.init();
  } catch (error) {
    // What was opened before the failure must not keep the process alive, nor the directory locked.
    await application.close().catch(() => undefined);
    throw error;
  }
}

/**
 * Opens the port and ends gracefully at SIGTERM or SIGINT: no new connections, requests in flight finish (for
 * `config.stopSeconds`), the background work stops, the stores close. A second signal ends the process at once.
 * @returns the address, as a URL.
 */
export async function listen(application: NestFastifyApplication, config: RuntimeConfig): Promise<string> {
  await application.listen({ port: config.port, host: config.host });
  stopAtSignals(application, config.stopSeconds);
  return application.getUrl();
}

/** Stops within `stopSeconds`: connections that are still busy after that are cut. */
export async function stopApplication(application: NestFastifyApplication, stopSeconds: number): Promise<void> {
  const deadline = setTimeout(() => application.getHttpServer().closeAllConnections(), stopSeconds * 1000);
  try {
    await application.close();
  } finally {
    clearTimeout(deadline);
  }
}

function stopAtSignals(application: NestFastifyApplication, stopSeconds: number): void {
  const logger = new Logger('Application');
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.log(`${signal}: stopping`);
    stopApplication(application, stopSeconds).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error(error, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function acceptBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(STREAMED_TYPES, (_request, payload, done) => done(null, payload));
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser(TEXT_TYPES, { parseAs: 'string' }, (_request, body, done) => done(null, body));
}

/** Echoes the correlation id and logs what was answered; successes only where somebody asked for that much. */
function tellAboutRequests(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-correlation-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const line = {
      method: request.method,
      // Without the query: it may name people.
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    };
    if (reply.statusCode >= 400) request.log.info(line, 'answered');
    else request.log.debug(line, 'answered');
    done();
  });
}

function correlationIdOf(request: IncomingMessage): string {
  const given = request.headers['x-correlation-id'];
  return typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUID();
}
