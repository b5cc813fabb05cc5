import { setTimeout as pause } from 'node:timers/promises';

import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';

import { Public } from '../access/auth.js';
import { Background } from '../background/background.js';
import { Metrics } from '../observability/metrics.js';

const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** Prometheus gives a scrape ten seconds: where a broker is away, what is counted here is told all the same. */
const STATUS_MS_MAX = 5_000;

/** Public, as health is: there is nothing in it but counts and durations by names from the code (ADR 15). */
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
  @ApiProduces('text/plain')
  @ApiOperation({ summary: 'What Prometheus scrapes' })
  async scrape(): Promise<string> {
    const timeout = new AbortController();
    const works = await Promise.race([
      this.background.status(),
      pause(STATUS_MS_MAX, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]).finally(() => timeout.abort());
    return this.metrics.text(works, await this.background.metricsOfThreads());
  }
}
