import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';

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

/** Memory for the pages of a SQLite file: every thread has a connection, and as much for each. */
export function pageCacheBytesOf(memoryMb: number, bytesOfUsualSize: number): number {
  return Math.ceil(bytesOfUsualSize * cacheScaleOf(memoryMb));
}

/**
 * Share of a process's memory for the caches of the thread with the API, where other threads do the work: it reads the
 * states of single streams to answer questions, and nobody waits for it but the one who asks.
 */
export const API_MEMORY_SHARE = 1 / 4;

/** Largest heap of a thread, in MiB: several times the size of the states in memory. */
export function threadHeapMib(memoryMb: number): number {
  return Math.min(HEAP_MIB_MAX, Math.max(HEAP_MIB_MIN, memoryMb));
}

/** Largest young generation of a thread, in MiB. V8's own limit on a large machine is twice as much. */
export const YOUNG_GENERATION_MIB = 48;

/** How much garbage V8 may add to the live data of a heap before it collects it, in per cent: by default up to 300. */
const GARBAGE_PERCENT = 50;

/** For a process of several threads, whose heaps all have garbage. */
export function limitGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
}
