/** What a scheduler knows about processes, its own and those of other threads, without asking store or broker. */
import type { Position } from '@tantieme/event-store/event-store';

import { LOG } from './log-source.js';

export interface ProcessKnowledge {
  readonly name: string;
  readonly running: boolean;
  /** It has read where it stands: before that, nothing is known of what is left. */
  readonly isOpen: boolean;
  /** Another replica runs it; this one takes over when that one ends. */
  readonly standby: boolean;
  /** How far it has come in each of its lanes. */
  readonly lanes: ReadonlyMap<string, Position>;
  readonly lastError: string | undefined;
}

/** As threads send it to each other. */
export interface Knowledge {
  /** Where each lane ends. */
  readonly ends: ReadonlyMap<string, Position>;
  readonly processes: readonly ProcessKnowledge[];
}

export interface ProcessStatus {
  readonly name: string;
  readonly running: boolean;
  readonly standby: boolean;
  /** Position in the log; undefined for a process that does not follow it. */
  readonly position: Position | undefined;
  /** Events or messages left; undefined before it has started. */
  readonly lag: Position | undefined;
  readonly lastError: string | undefined;
}

/** The position in the log up to which all lanes of the log are done. */
export function positionOf(lanes: ReadonlyMap<string, Position>): Position | undefined {
  let position: Position | undefined;
  for (const [lane, at] of lanes) if (isLogLane(lane) && (position === undefined || at < position)) position = at;
  return position;
}

/** @param topics that the process reads and that are not views of the log */
export function statusOf(
  { lanes, isOpen, ...process }: ProcessKnowledge,
  topics: readonly string[],
  ends: ReadonlyMap<string, Position>,
): ProcessStatus {
  const position = positionOf(lanes);
  let lag = 0n;
  for (const [lane, at] of lanes) if (isLogLane(lane)) lag += ahead(ends.get(LOG) ?? 0n, at);
  for (const [lane, end] of ends)
    if (!isLogLane(lane) && topics.includes(lane.slice(0, lane.lastIndexOf('/'))))
      lag += ahead(end, lanes.get(lane) ?? 0n);
  return { ...process, position, lag: isOpen || process.standby ? lag : undefined };
}

function ahead(end: Position, at: Position): Position {
  return end > at ? end - at : 0n;
}

/** The log itself, or a view of it. */
export function isLogLane(lane: string): boolean {
  return lane === LOG || lane.startsWith(`${LOG}:`);
}
