import { totalmem } from 'node:os';
import { MEMORY_MB_MIN, HEAP_MIB_MAX, HEAP_MIB_MIN } from '../limits.js';

const MIB = 1024 * 1024;

/** Memory for which the limits of the caches are given: what a history of some hundred thousand deals uses. */
const REFERENCE_MB = 2048;

/** Half of what the machine or the container has, and not more than caches of usual size use. */
export function defaultMemoryMb(machineBytes = machineMemoryBytes()): number {
  return Math.min(REFERENCE_MB, Math.max(MEMORY_MB_MIN, Math.floor(machineBytes / 2 / MIB)));
}

/** The limit of the control group where there is one: it is huge or 0 where there is none. */
function machineMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** The factor of all caches. */
export function cacheScaleOf(memoryMb: number): number {
  return memoryMb / REFERENCE_MB;
}

/** Largest heap of a thread, in MiB: several times the size of the states in memory. */
export function threadHeapMib(memoryMb: number): number {
  return Math.min(HEAP_MIB_MAX, Math.max(HEAP_MIB_MIN, memoryMb));
}
