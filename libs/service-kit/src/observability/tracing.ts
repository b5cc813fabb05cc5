/** Traces over OpenTelemetry. Its SDK is loaded only where a collector is configured. */
import { Logger } from '@nestjs/common';
import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';

import type { RuntimeConfig } from '../runtime/config.js';

export { SpanKind } from '@opentelemetry/api';

export type TracingConfig = Pick<RuntimeConfig, 'tracesEndpoint' | 'tracesRatio'>;

/** The tracer of one application. Nothing of it is global except OpenTelemetry's diagnostic logger. */
export class Tracing {
  constructor(
    private readonly tracer: Tracer,
    private readonly close: () => Promise<void>,
  ) {}

  /** @param traceparent of the cause; without a valid one the span begins a new trace. */
  start(name: string, kind: SpanKind, attributes: Attributes, traceparent: string | undefined): Span {
    const parent = traceparent === undefined ? null : parseTraceParent(traceparent);
    const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
    return this.tracer.startSpan(name, { kind, attributes }, context);
  }

  /** Sends the remaining spans. */
  async shutdown(): Promise<void> {
    await this.close();
  }
}

/** The `traceparent` header (W3C Trace Context); undefined where the trace is not sampled. */
export function traceparentOf(span: Span): string | undefined {
  if (!span.isRecording()) return undefined;
  const { traceId, spanId } = span.spanContext();
  return `00-${traceId}-${spanId}-01`;
}

export function endFailed(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Null where no collector is configured. */
export async function openTracing({ tracesEndpoint, tracesRatio }: TracingConfig): Promise<Tracing | null> {
  if (tracesEndpoint === undefined) return null;
  const [sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const logger = new Logger('OpenTelemetry');
  const warn = (message: string): void => logger.warn(message);
  const ignore = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'tantieme' }).merge(
      resources.detectResources({
        detectors: [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector],
      }),
    ),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(tracesRatio) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${tracesEndpoint.replace(/\/$/, '')}/v1/traces` }),
      }),
    ],
  });
  return new Tracing(provider.getTracer('tantieme'), () => provider.shutdown());
}
