/** CloudEvents' two modes on Kafka (protocol binding 1.0.2): structured, which we send, and binary, which others may send. */

/** Content type of an envelope in structured mode. */
export const STRUCTURED_CONTENT_TYPE = 'application/cloudevents+json; charset=UTF-8';

const ATTRIBUTE_PREFIX = 'ce_';

/** Whether a content type says that the value is the whole envelope. */
export function isStructured(contentType: string | undefined): boolean {
  return contentType !== undefined && contentType.toLowerCase().startsWith('application/cloudevents');
}

/** Whether a text is an envelope that `encode` wrote; messages within a service have forms of their own. */
export function isEnvelope(text: string): boolean {
  return text.startsWith('{"specversion":"1.0",');
}

/**
 * The envelope of a message in binary mode, whose attributes are headers `ce_…` and whose value is the data alone, as the text that
 * structured mode would have; undefined where the headers are none of an event. Nothing is checked here: `decode` does that.
 */
export function fromBinaryMode(
  headers: Readonly<Record<string, string>>,
  key: string,
  value: string,
): string | undefined {
  if (headers[`${ATTRIBUTE_PREFIX}specversion`] === undefined) return undefined;
  const attributes: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(headers))
    if (name.startsWith(ATTRIBUTE_PREFIX)) attributes[name.slice(ATTRIBUTE_PREFIX.length)] = text;
  // Headers are texts; this one extension is a number.
  if (/^\d{1,15}$/.test(headers['ce_revision'] ?? '')) attributes['revision'] = Number(headers['ce_revision']);
  if (headers['content-type'] !== undefined) attributes['datacontenttype'] = headers['content-type'];
  // By the partitioning extension, the key is the attribute `partitionkey`.
  if (key !== '') attributes['partitionkey'] ??= key;
  return JSON.stringify({ ...attributes, data: dataOf(value) });
}

/** A text that is no JSON stays a text, which no schema takes: so it is refused with its reason like any other message. */
function dataOf(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
