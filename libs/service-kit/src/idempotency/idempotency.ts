/**
 * `Idempotency-Key` for POST and PUT (draft-ietf-httpapi-idempotency-key-header). The first successful answer is stored
 * by subject, key and route; a repetition gets it again with the header `idempotency-replayed: true`. The same key with
 * another body is answered with 422, and with 409 while the first request is in flight. A refusal is not stored, since
 * it changed nothing.
 */
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Readable } from 'node:stream';

import { Inject, Injectable, Logger, StreamableFile } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { migrate } from '@tantieme/event-sourcing/read-model/migrations';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';

import { findPrincipal } from '../access/auth.js';
import * as idempotency from './migrations/0001-idempotency.js';
import { DATABASE } from '../runtime/runtime-tokens.js';

/** How long an answer is stored. A repetition after that runs the command again, which deciders are built for. */
const RETENTION_MS = 24 * 60 * 60 * 1000;

/** How often expired answers are deleted. */
const CLEANUP_INTERVAL_MS = 60 * 60 * 1000;

/** A request in flight for longer counts as abandoned, where its process cannot be checked. */
const LEASE_MS = 10 * 60 * 1000;

/** Allowed keys: 1 to 255 visible ASCII characters; a UUID has 36. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** This process; the random part distinguishes it from an earlier one with the same process id. */
const OWNER = `${hostname()}:${process.pid}:${randomUUID()}`;

const METHODS: readonly string[] = ['POST', 'PUT'];

/** Headers that are replayed besides status and body. */
const HEADERS = ['content-type', 'location'] as const;

interface Row {
  readonly subject: string;
  readonly key: string;
  readonly route: string;
  /** SHA-256 of address and body. */
  readonly fingerprint: string;
  /** The process that handles the request: `<host>:<pid>:<random>`. */
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly started_at: number;
  /** Null while the request is in flight. */
  readonly status: number | null;
  readonly headers: string | null;
  /** JSON text; null where the answer has no body. */
  readonly body: string | null;
}

interface Tables {
  service_kit_idempotency: Row;
}

type Identity = Pick<Row, 'subject' | 'key' | 'route'>;

@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly logger = new Logger(IdempotencyInterceptor.name);

  private migrating: Promise<void> | undefined;

  /** Epoch milliseconds. */
  private cleanedUpAt = 0;

  constructor(@Inject(DATABASE) private readonly database: Kysely<Tables>) {}

  /** Migrates with the first key, so that a start does not wait for the database. */
  private migrated(): Promise<void> {
    this.migrating ??= this.migrate().catch((error: unknown) => {
      this.migrating = undefined;
      throw error;
    });
    return this.migrating;
  }

  private async migrate(): Promise<void> {
    await migrate(this.database, { owner: 'service_kit', files: { '0001-idempotency': idempotency } });
  }

  private async cleanUp(): Promise<void> {
    this.cleanedUpAt = Date.now();
    await this.database
      .deleteFrom('service_kit_idempotency')
      .where('started_at', '<', this.cleanedUpAt - RETENTION_MS)
      .execute();
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    const subject = findPrincipal(request)?.subject;
    if (key === undefined || subject === undefined || !METHODS.includes(request.method)) return next.handle();
    // A streamed body is consumed before its hash is known; imports are idempotent by content instead.
    if (request.body instanceof Readable) return next.handle();
    if (typeof key !== 'string' || !KEY.test(key))
      throw new DomainError('IdempotencyKeyInvalid', 'the idempotency key is invalid', 'invalid', [
        { field: 'Idempotency-Key', reason: 'must have 1 to 255 visible ASCII characters, no blanks' },
      ]);
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const identity = { subject, key, route: `${request.method} ${request.routeOptions.url ?? request.url}` };
    return from(this.answer(identity, request, reply, next));
  }

  private async answer(
    identity: Identity,
    request: FastifyRequest,
    reply: FastifyReply,
    next: CallHandler,
  ): Promise<unknown> {
    const fingerprint = fingerprintOf(request);
    const earlier = await this.claim(identity, fingerprint);
    if (earlier !== undefined) return replay(earlier, fingerprint, reply);
    let answer: unknown;
    try {
      answer = await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (error) {
      await this.release(identity).catch((failure: unknown) =>
        this.logger.error({ err: failure }, 'releasing an idempotency key failed'),
      );
      throw error;
    }
    if (reply.sent || reply.statusCode >= 400 || isStream(answer)) await this.release(identity);
    else await this.store(identity, reply, answer);
    return answer;
  }

  /** Claims the key for this request; returns the row of an earlier request where that one still counts. */
  private async claim(identity: Identity, fingerprint: string): Promise<Row | undefined> {
    await this.migrated();
    if (this.cleanedUpAt < Date.now() - CLEANUP_INTERVAL_MS) await this.cleanUp();
    const row: Row = {
      ...identity,
      fingerprint,
      owner: OWNER,
      started_at: Date.now(),
      status: null,
      headers: null,
      body: null,
    };
    const inserted = await this.database
      .insertInto('service_kit_idempotency')
      .values(row)
      .onConflict((conflict) => conflict.columns(['subject', 'key', 'route']).doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 1n) return undefined;
    const earlier = await this.find(identity);
    // Released between the two statements: the next attempt succeeds.
    if (earlier === undefined) throw inFlight();
    const stale =
      earlier.status === null ? isAbandoned(earlier) : Number(earlier.started_at) < Date.now() - RETENTION_MS;
    if (!stale) return earlier;
    const takenOver = await this.database
      .updateTable('service_kit_idempotency')
      .set({ fingerprint, owner: OWNER, started_at: row.started_at, status: null, headers: null, body: null })
      .where((where) => where.and({ ...identity, owner: earlier.owner, started_at: earlier.started_at }))
      .executeTakeFirst();
    if (takenOver.numUpdatedRows !== 1n) throw inFlight();
    return undefined;
  }

  private async find(identity: Identity): Promise<Row | undefined> {
    return this.database
      .selectFrom('service_kit_idempotency')
      .selectAll()
      .where((where) => where.and(identity))
      .executeTakeFirst();
  }

  private async store(identity: Identity, reply: FastifyReply, answer: unknown): Promise<void> {
    const headers = Object.fromEntries(HEADERS.map((name) => [name, reply.getHeader(name)]));
    try {
      await this.database
        .updateTable('service_kit_idempotency')
        .set({
          status: reply.statusCode,
          headers: JSON.stringify(headers),
          body: answer === undefined ? null : JSON.stringify(answer),
        })
        .where((where) => where.and({ ...identity, owner: OWNER }))
        .execute();
    } catch (error) {
      // The command took effect, so the caller gets its answer; a repetition runs the command again.
      this.logger.error({ err: error }, 'storing an answer for its idempotency key failed');
      await this.release(identity).catch(() => undefined);
    }
  }

  private async release(identity: Identity): Promise<void> {
    await this.database
      .deleteFrom('service_kit_idempotency')
      .where((where) => where.and({ ...identity, owner: OWNER }))
      .execute();
  }
}

function replay(earlier: Row, fingerprint: string, reply: FastifyReply): unknown {
  if (earlier.fingerprint !== fingerprint)
    throw new DomainError(
      'IdempotencyKeyReused',
      'the idempotency key was already used for another request',
      'invalid',
      [
        {
          field: 'Idempotency-Key',
          reason: 'was already used for a request with another address or body: use a new key',
        },
      ],
    );
  if (earlier.status === null) throw inFlight();
  const headers: unknown = JSON.parse(earlier.headers ?? '{}');
  for (const [name, value] of Object.entries(headers ?? {}))
    if (typeof value === 'string') void reply.header(name, value);
  void reply.status(earlier.status).header('idempotency-replayed', 'true');
  return earlier.body === null ? undefined : JSON.parse(earlier.body);
}

/** A streamed answer cannot be stored. */
function isStream(answer: unknown): boolean {
  return answer instanceof Readable || answer instanceof StreamableFile;
}

function inFlight(): DomainError {
  return new DomainError(
    'IdempotencyKeyInFlight',
    'a request with this idempotency key is still being worked on',
    'conflict',
  );
}

function fingerprintOf(request: FastifyRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([request.url, request.body ?? null]))
    .digest('hex');
}

/** True where the process that handled it is gone, so that a restart after a SIGKILL can continue at once. */
function isAbandoned(row: Row): boolean {
  if (row.owner === OWNER) return false;
  if (Number(row.started_at) < Date.now() - LEASE_MS) return true;
  const [host, pid] = row.owner.split(':');
  if (host !== hostname()) return false;
  // Our own process id in another process's row: that process is gone (in a container the id is always the same).
  return Number(pid) === process.pid || !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process runs under another user.
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM';
  }
}
