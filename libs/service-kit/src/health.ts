import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

import { Public, Roles } from './auth.js';
import { Background } from './background.js';
import type { WorkStatus } from './background.js';

/** Liveness, readiness, and how far the background work is behind. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(@Inject(Background) private readonly background: Background) {}

  @Get('live')
  @Public()
  @ApiOperation({ summary: 'The process answers' })
  live(): { readonly status: 'live' } {
    return { status: 'live' };
  }

  /** 503 before all background work has started and from the beginning of a stop; `degraded` names work that does not get on. */
  @Get('ready')
  @Public()
  @ApiOperation({ summary: 'The process may be given work' })
  async ready(): Promise<{ readonly status: 'ready' | 'degraded'; readonly failing: readonly string[] }> {
    if (!this.background.started) throw new ServiceUnavailableException('not ready');
    const failing = await this.background.failing();
    return { status: failing.length === 0 ? 'ready' : 'degraded', failing };
  }

  @Get('lag')
  @Roles('operator', 'auditor')
  @ApiOperation({ summary: 'How far each background work is behind, and its last error' })
  async lag(): Promise<{ readonly items: readonly WorkStatus[] }> {
    return { items: await this.background.status() };
  }
}
