import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Public, Roles } from '../access/auth.js';
import { Background } from '../background/background.js';
import { PROBLEM_TYPE, sendProblem } from '../http/problem.js';
import { Liveness, NotReady, Readiness, WorkStatusList } from './health.dto.js';
import { Reachability } from './reachability.js';
import type { PortState, ReachabilityReport } from './reachability.js';

/** Liveness, readiness, and the lag of the background work. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    @Inject(Background) private readonly background: Background,
    @Inject(Reachability) private readonly reachability: Reachability,
  ) {}

  @Get('live')
  @Public()
  @ApiOperation({
    operationId: 'getLiveness',
    summary: 'Whether the process answers',
    description: 'Always 200, also while a store or the broker is unreachable. A restart would not help against that.',
  })
  @ApiOkResponse({ type: Liveness, description: 'The process answers' })
  live(): Liveness {
    return { status: 'live' };
  }

  /** Replies itself, since a problem document of its own has more members than a `DomainError` can carry. */
  @Get('ready')
  @Public()
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Whether the process can do its work',
    description:
      '503 while the event store, the broker or the database is unreachable or their disk is full, before all background ' +
      'work has started, and during a stop. `degraded` with 200 where background work is failing for another reason.',
  })
  @ApiOkResponse({ type: Readiness, description: 'The process can be given requests' })
  @ApiExtraModels(NotReady)
  @ApiResponse({
    status: 503,
    description: '`NotReady`: `detail` names what is missing',
    content: { [PROBLEM_TYPE]: { schema: { $ref: getSchemaPath(NotReady) } } },
  })
  async ready(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const ports = await this.reachability.check();
    const failing = this.background.failing();
    const parked = this.background.parked();
    const missing = [...unreachable(ports), ...this.background.notStarted()];
    if (missing.length > 0)
      sendProblem(reply, { status: 503, code: 'NotReady', detail: missing.join('; ') }, request.id, {
        ...ports,
        failing,
        parked,
      });
    else {
      const readiness: Readiness = { status: failing.length === 0 ? 'ready' : 'degraded', ...ports, failing, parked };
      void reply.send(readiness);
    }
  }

  @Get('lag')
  @Roles('operator', 'auditor')
  @ApiOperation({
    operationId: 'getLag',
    summary: 'Lag of each piece of background work, and its last error',
    description: 'In the order of the path of a deal. Work of other threads of the process is included.',
  })
  @ApiOkResponse({ type: WorkStatusList, description: 'All background work of the process' })
  lag(): WorkStatusList {
    return { items: this.background.status() };
  }
}

function unreachable({ eventStore, broker, database }: ReachabilityReport): readonly string[] {
  const ports: readonly (readonly [string, PortState])[] = [
    ['the event store', eventStore],
    ['the broker', broker],
    ['the database', database],
  ];
  return ports.flatMap(([name, port]) => (port.reachable ? [] : [`${name} cannot be reached: ${port.reason}`]));
}
