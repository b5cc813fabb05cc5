import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import type { WorkStatus } from '../observability/work-status.js';
import { Problem } from '../http/problem.js';
import type { PortState, ReachabilityReport } from './reachability.js';

export class Liveness {
  @ApiProperty({ enum: ['live'] })
  readonly status!: 'live';
}

class PortStateBody {
  @ApiProperty({ description: 'Whether it answers', example: true })
  readonly reachable!: boolean;

  @ApiPropertyOptional({ description: 'Why it cannot be reached' })
  readonly reason?: string;
}

export class Readiness implements ReachabilityReport {
  @ApiProperty({ enum: ['ready', 'degraded'], description: '`degraded`: some background work is failing' })
  readonly status!: 'ready' | 'degraded';

  @ApiProperty({ type: PortStateBody })
  readonly eventStore!: PortState;

  @ApiProperty({ type: PortStateBody })
  readonly broker!: PortState;

  @ApiProperty({ type: PortStateBody })
  readonly database!: PortState;

  @ApiProperty({
    type: [String],
    description: 'Names of failing background work; `GET /health/lag` has the reasons',
    example: [],
  })
  readonly failing!: readonly string[];

  @ApiProperty({ description: 'Items that are parked: `GET /parked` lists them', example: 0 })
  readonly parked!: number;
}

/** A problem document that has the state of the ports as well. */
export class NotReady extends Problem implements ReachabilityReport {
  @ApiProperty({ type: PortStateBody })
  readonly eventStore!: PortState;

  @ApiProperty({ type: PortStateBody })
  readonly broker!: PortState;

  @ApiProperty({ type: PortStateBody })
  readonly database!: PortState;

  @ApiProperty({ type: [String], description: 'Names of failing background work', example: ['deals-projection'] })
  readonly failing!: readonly string[];

  @ApiProperty({ description: 'Items that are parked: `GET /parked` lists them', example: 0 })
  readonly parked!: number;
}

class WorkStatusBody implements WorkStatus {
  @ApiProperty({ description: 'Name of the work, starting with its service', example: 'payouts-relay' })
  readonly name!: string;

  @ApiProperty({ description: 'Whether it runs in this process', example: true })
  readonly running!: boolean;

  @ApiPropertyOptional({ enum: [true], type: Boolean, description: 'Another replica runs it; this one stands by' })
  readonly standby?: true;

  @ApiPropertyOptional({ description: 'Position in the global order of the event store', example: '48211' })
  readonly position?: string;

  @ApiPropertyOptional({ description: 'Events or messages left', example: '0' })
  readonly lag?: string;

  @ApiPropertyOptional({ description: 'Why it is failing; absent while it makes progress' })
  readonly lastError?: string;
}

export class WorkStatusList {
  @ApiProperty({ type: [WorkStatusBody] })
  readonly items!: readonly WorkStatus[];
}
