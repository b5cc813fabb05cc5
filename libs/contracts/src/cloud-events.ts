/**
 * The two modes of CloudEvents on Kafka (protocol binding 1.0.2): we send structured mode, others may send binary mode.
 */

/** Content type of an envelope in structured mode. */
export const STRUCTURED_CONTENT_TYPE = 'application/cloudevents+json; charset=UTF-8';

const ATTRIBUTE_PREFIX = 'ce_';

/** Whether the value of a record with this content type is the whole envelope. */
export function isStructured(contentType: string | undefined): boolean {
  return contentType !== undefined && contentType.toLowerCase().startsWith('application/cloudevents');
}

/** Whether a text is an envelope written by `encode`. Messages within a service have other forms. */
export function isEnvelope(text: string): boolean {
  return text.startsWith('{"specversion":"1.0",');
}

/**
 * A message in binary mode (attributes in headers `ce_…`, data alone in the value) as the text of structured mode.
 * Undefined if the headers are not those of a CloudEvent. Nothing is checked here: `decode` does that.
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
  // Headers are text; this extension is a number.
  if (/^\d{1,15}$/.test(headers['ce_revision'] ?? '')) attributes['revision'] = Number(headers['ce_revision']);
  if (headers['content-type'] !== undefined) attributes['datacontenttype'] = headers['content-type'];
  // The partitioning extension: the key of the record is the attribute `partitionkey`.
  if (key !== '') attributes['partitionkey'] ??= key;
  return JSON.stringify({ ...attributes, data: dataOf(value) });
}

/** A text that is not JSON stays a text, which no schema accepts, so `decode` refuses it with a reason. */
function dataOf(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
