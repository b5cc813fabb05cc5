/**
 * The topics as an AsyncAPI 3 document. `npm run asyncapi -w @tantieme/contracts` writes it to `docs/asyncapi.yaml`; a
 * spec fails when that file is older.
 */
import { CHANNELS, type Channel } from './channels.js';
import { STRUCTURED_CONTENT_TYPE } from './cloud-events.js';
import { instant, MESSAGE_TYPES, MESSAGE_VERSION, schemaOf, type MessageType } from './schemas.js';

const KAFKA_BINDING = '0.5.0';

export function asyncApi(): object {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tantième',
      version: '0.1.0',
      description:
        'What a company owes its channel partners, computed and proved. Messages are CloudEvents 1.0 in structured ' +
        'mode, keyed by `partitionkey`. Each carries the whole state of its origin: keep the highest `revision` of ' +
        'each `stream` and ignore repetitions and older ones. Delivery is at least once, in order by key. Amounts and rates are decimal text.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: STRUCTURED_CONTENT_TYPE,
    servers: {
      kafka: {
        host: '{bootstrap}',
        protocol: 'kafka',
        description: 'The Kafka cluster named by TANTIEME_KAFKA',
        variables: { bootstrap: { default: 'localhost:9092', description: 'host:port of a broker' } },
      },
    },
    channels: Object.fromEntries(CHANNELS.map((channel) => [channel.topic, channelOf(channel)])),
    operations: Object.fromEntries(CHANNELS.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(MESSAGE_TYPES.map((type) => [type, messageOf(type)])),
      schemas: Object.fromEntries(MESSAGE_TYPES.map((type) => [type, dataSchemaOf(type)])),
    },
  };
}

function channelOf({ topic, summary, messages }: Channel): object {
  return {
    address: topic,
    summary,
    description: `Keyed by ${keysOf(messages)}.`,
    messages: Object.fromEntries(
      Object.keys(messages).map((type) => [type, { $ref: `#/components/messages/${type}` }]),
    ),
    bindings: { kafka: { topic, bindingVersion: KAFKA_BINDING } },
  };
}

function keysOf(messages: Channel['messages']): string {
  return Object.entries(messages)
    .map(([type, key]) => `${key} (${type})`)
    .join(', ');
}

/** From the view of a service: it sends to its own topic and receives from those upstream. */
function operationsOf({ topic, messages, publisher, consumers }: Channel): readonly [string, object][] {
  const common = {
    channel: { $ref: `#/channels/${topic}` },
    messages: Object.keys(messages).map((type) => ({ $ref: `#/channels/${topic}/messages/${type}` })),
  };
  return [
    ...(publisher === undefined
      ? []
      : [operation(`${publisher}.sends.${topic}`, { action: 'send', tags: [{ name: publisher }], ...common })]),
    ...consumers.map(({ service, group }) =>
      operation(`${service}.receives.${topic}`, {
        action: 'receive',
        tags: [{ name: service }],
        ...common,
        bindings: { kafka: { groupId: { type: 'string', const: group }, bindingVersion: KAFKA_BINDING } },
      }),
    ),
  ];
}

function operation(name: string, value: object): [string, object] {
  return [name, value];
}

const text = { type: 'string', minLength: 1 };

function messageOf(type: MessageType): object {
  const keys = new Set(CHANNELS.flatMap(({ messages }) => messages[type] ?? []));
  return {
    name: `tantieme.${type}.v${MESSAGE_VERSION}`,
    title: type,
    contentType: STRUCTURED_CONTENT_TYPE,
    correlationId: { location: '$message.payload#/correlationid' },
    headers: {
      type: 'object',
      properties: {
        'content-type': { type: 'string', const: STRUCTURED_CONTENT_TYPE },
        traceparent: { type: 'string', description: 'W3C trace context, when the message is traced' },
      },
    },
    payload: {
      type: 'object',
      description: 'A CloudEvents 1.0 envelope',
      required: ['specversion', 'id', 'source', 'type', 'time', 'data'],
      properties: {
        specversion: { type: 'string', const: '1.0' },
        id: { ...text, description: 'unique together with the source' },
        source: { ...text, description: 'the publisher, such as "/deal-ingestion"' },
        type: { type: 'string', const: `tantieme.${type}.v${MESSAGE_VERSION}` },
        subject: { ...text, description: 'the deal, partner or payee that the message is about' },
        time: instant,
        datacontenttype: { type: 'string', const: 'application/json' },
        dataschema: { type: 'string', const: `urn:tantieme:${type}:v${MESSAGE_VERSION}` },
        partitionkey: { ...text, description: 'the key of the record' },
        stream: { ...text, description: 'the origin whose state this is' },
        revision: { type: 'integer', minimum: 0, description: 'revision of the origin: the highest one counts' },
        correlationid: { ...text, description: 'shared by everything that follows from one request or fact' },
        causationid: { ...text, description: 'id of the message or request that caused this one' },
        actor: { ...text, description: 'the person or service that caused it' },
        data: { $ref: `#/components/schemas/${type}` },
      },
    },
    bindings: {
      kafka: { key: { type: 'string', description: [...keys].join(', ') }, bindingVersion: KAFKA_BINDING },
    },
  };
}

/** AsyncAPI's own schemas have no identity and another form of discriminator; the other keywords are the same. */
function dataSchemaOf(type: MessageType): object {
  return Object.fromEntries(
    Object.entries(schemaOf(type)).filter(([keyword]) => !['$schema', '$id', 'discriminator'].includes(keyword)),
  );
}
