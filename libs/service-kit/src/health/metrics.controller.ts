import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';

import { Public } from '../access/auth.js';
import { Background } from '../background/background.js';
import { Metrics } from '../observability/metrics.js';

const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

const METRICS_EXAMPLE = `# TYPE tantieme_messages_published_total counter
tantieme_messages_published_total{topic="deals"} 1200
`;

/** Public like health: the metrics are counts and durations, labelled with names from the code (ADR 15). */
@ApiTags('health')
@Controller('metrics')
export class MetricsController {
  constructor(
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Background) private readonly background: Background,
  ) {}

  @Get()
  @Public()
  @Header('content-type', TEXT_FORMAT)
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Metrics for Prometheus',
    description: "Counts and durations of all threads of the process, in Prometheus' text format.",
  })
  @ApiOkResponse({
    description: 'All metrics',
    content: { 'text/plain': { schema: { type: 'string' }, example: METRICS_EXAMPLE } },
  })
  async scrape(): Promise<string> {
    return this.metrics.text(this.background.status(), this.background.parked(), this.background.metricsOfThreads());
  }
}
