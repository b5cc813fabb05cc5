import 'reflect-metadata';

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { Logger, Module } from '@nestjs/common';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Span } from '@opentelemetry/api';
import { correlationContext } from '@tantieme/event-sourcing/process/correlation-context';
import { TRACEPARENT_HEADER } from '@tantieme/event-sourcing/process/publication';
import { LogController } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { WorkFilter } from '../background/background.js';
import { traceContext } from '../observability/trace-context.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { makeDataDirectory } from '../runtime/data-directory.js';
import { createLogger, PinoNestLogger } from '../observability/logging.js';
import { Metrics } from '../observability/metrics.js';
import { publishApiDocuments } from '../http/openapi.js';
import { codeOfStatus, PROBLEM_TYPE, problemOf, sendProblem } from '../http/problem.js';
import { RuntimeModule } from './runtime.module.js';
import { TRACING } from '../runtime/runtime-tokens.js';
import { receivesTextBody } from '../http/text-body.js';
import { SpanKind, traceparentOf } from '../observability/tracing.js';
import type { Tracing } from '../observability/tracing.js';
import { PARAMETER_LENGTH_MAX } from '../limits.js';

/** Joins the runtime and the service modules of one process. */
@Module({})
class Host {}

/** Bodies that are read row by row and never held whole: imports. `request.body` is a `Readable`. */
export const STREAMED_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'text/csv'];

/** Bodies that are text to their route: plan documents. `request.body` is a string. */
export const TEXT_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/plain'];

/** Accepted correlation ids of callers: they go into events, logs and headers. */
const CORRELATION_ID = /^[\w.:@/+=-]{1,128}$/;

/**
 * Creates and initialises an application of the given module (one service, or many): the stores are open and the
 * background work runs. `listen` opens the port; `application.inject` works without one; `application.close()` ends
 * everything.
 * @param runsHere selects the background work that runs here; all of it by default.
 * @throws {ConfigError | DirectoryLocked}
 */
export async function createApplication(
  rootModule: Type | DynamicModule,
  config: RuntimeConfig,
  runsHere?: WorkFilter,
): Promise<NestFastifyApplication> {
  makeDataDirectory(config.dataDirectory);
  const logger = createLogger(config.logLevel);
  const adapter = new FastifyAdapter({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'correlationId' }),
    bodyLimit: config.bodyBytesMax,
    genReqId: correlationIdOf,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    // Requests on open connections are still answered during a stop.
    return503OnClosing: false,
    frameworkErrors: rejectAddress,
    clientErrorHandler: rejectBytes,
  });
  const root: DynamicModule = { module: Host, imports: [RuntimeModule.forRoot(config, runsHere), rootModule] };
  const application = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new PinoNestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  try {
    const fastify: FastifyInstance = application.getHttpAdapter().getInstance();
    acceptBodies(fastify);
    logRequests(fastify, application.get(Metrics));
    correlateRequests(fastify, application.get<Tracing | null>(TRACING));
    closeIdleConnections(fastify);
    publishApiDocuments(application);
    return await application.init();
  } catch (error) {
    // Resources opened before the failure must not keep the process alive or the directory locked.
    await application.close().catch(() => undefined);
    throw error;
  }
}

/**
 * Opens the port and stops gracefully at SIGTERM or SIGINT: no new connections, requests in flight finish (within
 * `config.stopSeconds`), the background work stops, the stores close. A second signal ends the process at once.
 * @returns the URL on which it listens.
 */
export async function listen(application: NestFastifyApplication, config: RuntimeConfig): Promise<string> {
  try {
    await application.listen({ port: config.port, host: config.host });
  } catch (error) {
    // Usually the port is in use. The directory must not stay locked.
    await application.close();
    throw error;
  }
  stopAtSignals(application, config.stopSeconds);
  return application.getUrl();
}

/** Stops within `stopSeconds`: connections that are still busy after that are closed. */
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
  // Once the server is closed, a signal has its default effect again.
  application.getHttpServer().once('close', () => process.off('SIGTERM', stop).off('SIGINT', stop));
}

/** Answers addresses that reach no route: broken percent-encoding, too long. Hooks do not run for them. */
function rejectAddress(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 400;
  void reply.header('x-correlation-id', request.id);
  sendProblem(reply, { status, code: codeOfStatus(status), detail: error.message }, request.id);
}

/** Answers bytes that are not HTTP on the bare connection, since they never become a request. */
function rejectBytes(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const problem = problemOf(
    { status, code: codeOfStatus(status), detail: 'the bytes are not a valid HTTP request' },
    randomUUID(),
  );
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${status} ${problem.title}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function acceptBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(STREAMED_TYPES, (_request, payload, done) => done(null, payload));
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser(TEXT_TYPES, { parseAs: 'string' }, (_request, body, done) => done(null, body));
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (receivesTextBody(request)) done(null, body);
    else return parseJson(request, body, done);
  });
}

/** Milliseconds between two searches for idle connections during a stop. */
const IDLE_POLL_MS = 50;

/**
 * Closes connections that become idle during a stop. Node closes only those that are idle when the stop begins; the
 * others would hold up the stop until their keep-alive ends.
 */
function closeIdleConnections(fastify: FastifyInstance): void {
  fastify.addHook('preClose', (done) => {
    if (fastify.server.listening) {
      const timer = setInterval(() => fastify.server.closeIdleConnections(), IDLE_POLL_MS);
      fastify.server.once('close', () => clearInterval(timer));
    }
    done();
  });
}

/** Echoes the correlation id, and measures and logs every answer; successes at level debug. */
function logRequests(fastify: FastifyInstance, metrics: Metrics): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-correlation-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, since addresses without a route are arbitrary.
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode };
    metrics.httpRequestDuration.observe(labels, reply.elapsedTime / 1000);
    const line = {
      method: request.method,
      // Without the query, which may contain names of people.
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    };
    if (reply.statusCode >= 400) request.log.info(line, 'answered');
    else request.log.debug(line, 'answered');
    done();
  });
}

/** Health and metrics are polled all the time and are not traced. */
const UNTRACED = /^\/(health|metrics)(\/|$)/;

/** Makes the correlation id of a request, and its span where it is traced, available to everything it causes. */
function correlateRequests(fastify: FastifyInstance, tracing: Tracing | null): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  if (tracing !== null) {
    fastify.addHook('onRequest', (request, _reply, done) => {
      const { method, headers, routeOptions } = request;
      const route = routeOptions.url ?? 'none';
      const header = headers[TRACEPARENT_HEADER];
      const attributes = { 'http.request.method': method, 'http.route': route, 'tantieme.correlation_id': request.id };
      const parent = typeof header === 'string' ? header : undefined;
      if (!UNTRACED.test(route))
        spans.set(request, tracing.start(`${method} ${route}`, SpanKind.SERVER, attributes, parent));
      done();
    });
    fastify.addHook('onResponse', (request, reply, done) => {
      spans.get(request)?.setAttribute('http.response.status_code', reply.statusCode).end();
      done();
    });
  }
  // Not earlier: parsing the body would lose the asynchronous context.
  fastify.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request);
    const traceparent = span === undefined ? undefined : traceparentOf(span);
    correlationContext.run(
      () => [request.id],
      traceparent === undefined ? done : () => traceContext.run(new Map([[request.id, { traceparent }]]), done),
    );
  });
}

function correlationIdOf(request: IncomingMessage): string {
  const header = request.headers['x-correlation-id'];
  return typeof header === 'string' && CORRELATION_ID.test(header) ? header : randomUUID();
}
