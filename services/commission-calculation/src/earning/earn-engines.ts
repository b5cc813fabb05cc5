/** The versions of the earning arithmetic. A changed rule is a new version; old events replay under theirs (ADR 23). */
import { diffCredit, diffPayeeTerms } from '@tantieme/commission-engine/incremental/diff';
import { reachedTiers } from '@tantieme/commission-engine/incremental/period-end';
import { engineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import type { EngineVersions } from '@tantieme/event-sourcing/decide/engine-versions';
import { postedLines } from './posting.js';

export interface EarnEngine {
  readonly diffCredit: typeof diffCredit;
  readonly diffPayeeTerms: typeof diffPayeeTerms;
  readonly reachedTiers: typeof reachedTiers;
  readonly postedLines: typeof postedLines;
}

export const EARN_ENGINES: EngineVersions<EarnEngine> = engineVersions('earning', {
  1: { diffCredit, diffPayeeTerms, reachedTiers, postedLines },
});
