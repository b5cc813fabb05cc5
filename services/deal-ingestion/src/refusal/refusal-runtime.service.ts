import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { RefusalCommand, RefusalEvent, RefusalState } from './refusal.js';

export const REFUSAL_RUNTIME = Symbol('REFUSAL_RUNTIME');
export type RefusalRuntime = Runtime<RefusalState, RefusalCommand, RefusalEvent>;
