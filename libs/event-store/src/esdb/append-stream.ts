/**
 * Appends over one stream of requests and answers, which costs both sides much less than a call each. The client has
 * the same, but keeps the promises of all clients of a process in one map: an error on one connection loses the answers
 * of another.
 */
import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { unpackToCommandError } from '@eventstore/db-client/dist/streams/appendToStream/unpackError.js';
import { convertToCommandError } from '@eventstore/db-client/dist/utils/CommandError.js';
import { createUUID, parseUUID } from '@eventstore/db-client/dist/utils/grpcUUID.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { EventStoreUnavailable } from '../event-store.js';
import type { ExpectedRevision, Position } from '../event-store.js';
import { openBatchAppend, streamIdentifier } from './client.js';
import type { SentEvent } from './recorded-event.js';

/** What the server stored. */
export interface Confirmed {
  /** Of the last event. */
  readonly revision: number;
  /** Of the last event; undefined if the server has stored it before and cannot read it yet. */
  readonly position: Position | undefined;
}

interface Connection {
  readonly call: Awaited<ReturnType<typeof openBatchAppend>>;
  /** Appends without an answer, by the id of their request. */
  readonly waiting: Map<string, PromiseWithResolvers<Confirmed>>;
}

export class AppendStream {
  #connection: Promise<Connection> | undefined;

  constructor(private readonly client: EventStoreDBClient) {}

  /** @throws errors of the client; then it is unknown whether the events were stored, unless the server answered. */
  async append(stream: string, expectedRevision: ExpectedRevision, events: readonly SentEvent[]): Promise<Confirmed> {
    this.#connection ??= this.#connect();
    const { call, waiting } = await this.#connection;
    const id = randomUUID();
    const answer = Promise.withResolvers<Confirmed>();
    waiting.set(id, answer);
    call.write(requestOf(id, stream, expectedRevision, events));
    return answer.promise;
  }

  #connect(): Promise<Connection> {
    const drop = (): void => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    const connection = openBatchAppend.call(this.client).then((call): Connection => {
      const waiting: Connection['waiting'] = new Map();
      const fail = (error: unknown): void => {
        drop();
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      };
      call.on('data', (response: streams.BatchAppendResp) => {
        const id = parseUUID(response.getCorrelationId()) ?? '';
        const answer = waiting.get(id);
        waiting.delete(id);
        const error = response.getError();
        if (error === undefined) answer?.resolve(confirmedOf(response.getSuccess()));
        else answer?.reject(unpackToCommandError(error, nameOf(response)));
      });
      call.on('error', (error: Error) => fail(convertToCommandError(error)));
      call.on('end', () => fail(new EventStoreUnavailable('the server ended the stream of appends')));
      return { call, waiting };
    });
    connection.catch(drop);
    return connection;
  }
}

function requestOf(
  id: string,
  stream: string,
  expectedRevision: ExpectedRevision,
  events: readonly SentEvent[],
): streams.BatchAppendReq {
  const options = new streams.BatchAppendReq.Options();
  options.setStreamIdentifier(streamIdentifier(stream));
  if (expectedRevision === 'no-stream') options.setNoStream(new empty.Empty());
  else options.setStreamPosition(String(expectedRevision));
  const request = new streams.BatchAppendReq();
  request.setCorrelationId(createUUID(id));
  request.setOptions(options);
  for (const event of events) {
    const message = new streams.BatchAppendReq.ProposedMessage();
    message.setId(createUUID(event.id));
    message.getMetadataMap().set('type', event.type).set('content-type', 'application/octet-stream');
    message.setData(event.data);
    message.setCustomMetadata(event.metadata);
    request.addProposedMessages(message);
  }
  request.setIsFinal(true);
  return request;
}

function confirmedOf(success: streams.BatchAppendResp.Success | undefined): Confirmed {
  const position = success?.getPosition();
  return {
    revision: Number(success?.getCurrentRevision()),
    position: position && BigInt(position.getCommitPosition()),
  };
}

function nameOf(response: streams.BatchAppendResp): string {
  return Buffer.from(response.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString('utf8');
}
