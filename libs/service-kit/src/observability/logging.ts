import type { LoggerService } from '@nestjs/common';
import { correlationContext } from '@tantieme/event-sourcing/process/correlation-context';
import { destination, pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';

import type { LogLevel } from '../runtime/config.js';

/** Synchronous: the last lines before a crash matter most. */
const standardError = (): DestinationStream => destination({ dest: 2, sync: true });

/** Logs JSON lines to standard error; standard output belongs to the output of commands. */
export function createLogger(level: LogLevel, to: DestinationStream = standardError()): Logger {
  return pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      base: { name: 'tantieme' },
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['req.headers.authorization', 'headers.authorization'], remove: true },
    },
    to,
  );
}

/** Nest's own messages only help to debug the wiring: logged one level lower. */
const NEST_CONTEXTS = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** Nest's logger over pino. Every line carries the correlation ids of the requests or facts it belongs to. */
export class PinoNestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(NEST_CONTEXTS.has(contextOf(rest)) ? 'debug' : 'info', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest passes the context as the last text, after an optional message for an object or a stack. */
  private write(
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    message: unknown,
    rest: readonly unknown[],
  ): void {
    if (!this.logger.isLevelEnabled(level)) return;
    const context = contextOf(rest);
    const fields = { context, ...correlation() };
    const details = rest.slice(0, -1).filter((detail) => detail !== undefined);
    if (message instanceof Error) this.logger[level]({ ...fields, err: message }, message.message);
    else if (typeof message === 'object' && message !== null)
      this.logger[level]({ ...fields, ...message }, details.map(String).join(' '));
    else this.logger[level]({ ...fields, ...(details.length === 0 ? {} : { details }) }, String(message));
  }
}

function correlation(): { readonly correlationId?: string; readonly correlationIds?: readonly string[] } {
  const ids = correlationContext.getStore()?.() ?? [];
  const [only] = ids;
  return ids.length > 1 ? { correlationIds: ids } : only === undefined ? {} : { correlationId: only };
}

function contextOf(rest: readonly unknown[]): string {
  const last = rest.at(-1);
  return typeof last === 'string' ? last : '';
}
