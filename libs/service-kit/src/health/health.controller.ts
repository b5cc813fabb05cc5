import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Public, Roles } from '../access/auth.js';
import { Background } from '../background/background.js';
import type { WorkStatus } from '../background/background-work.js';
import { sendProblem } from '../http/problem.js';
import { Reachability } from './reachability.js';
import type { PortState, ReachabilityReport } from './reachability.js';

class ReachBody {
  @ApiProperty({ example: false })
  readonly reachable!: boolean;
  @ApiProperty({ required: false, example: 'connect ECONNREFUSED 127.0.0.1:2113' })
  readonly reason?: string;
}

class Readiness {
  @ApiProperty({ enum: ['ready', 'degraded'] })
  readonly status!: string;
  @ApiProperty()
  readonly eventStore!: ReachBody;
  @ApiProperty()
  readonly broker!: ReachBody;
  @ApiProperty()
  readonly database!: ReachBody;
  @ApiProperty({ type: [String], description: 'background work that does not get on; `/health/lag` says why' })
  readonly failing!: readonly string[];
}

/** Liveness, readiness, and how far the background work is behind. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    @Inject(Background) private readonly background: Background,
    @Inject(Reachability) private readonly reachability: Reachability,
  ) {}

  @Get('live')
  @Public()
  @ApiOperation({ summary: 'The process answers' })
  live(): { readonly status: 'live' } {
    return { status: 'live' };
  }

  /**
   * 503 while the event store, the broker or the database cannot be reached, before all background work has started, and from the
   * beginning of a stop; `degraded` with 200 where work does not get on for another reason.
   */
  @Get('ready')
  @Public()
  @ApiOperation({ summary: 'The process may be given work' })
  @ApiOkResponse({ type: Readiness })
  @ApiServiceUnavailableResponse({
    description:
      'A problem that has `eventStore`, `broker`, `database` and `failing` as well, and says in `detail` what is missing',
  })
  async ready(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const reaches = await this.reachability.look();
    const failing = await this.background.failing();
    const missing = [...unreachable(reaches), ...this.background.missing()];
    if (missing.length > 0)
      sendProblem(reply, { status: 503, code: 'NotReady', detail: missing.join('; ') }, request.id, {
        ...reaches,
        failing,
      });
    else void reply.send({ status: failing.length === 0 ? 'ready' : 'degraded', ...reaches, failing });
  }

  @Get('lag')
  @Roles('operator', 'auditor')
  @ApiOperation({ summary: 'How far each background work is behind, and its last error' })
  async lag(): Promise<{ readonly items: readonly WorkStatus[] }> {
    return { items: await this.background.status() };
  }
}

function unreachable({ eventStore, broker, database }: ReachabilityReport): readonly string[] {
  const named: readonly (readonly [string, PortState])[] = [
    ['the event store', eventStore],
    ['the broker', broker],
    ['the database', database],
  ];
  return named.flatMap(([name, reach]) => (reach.reachable ? [] : [`${name} cannot be reached: ${reach.reason}`]));
}
