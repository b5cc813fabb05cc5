import { describe, expect, it } from '@jest/globals';
import { recordGoldenLog, replayGoldenLog } from './replay.js';

describe('the script', () => {
  it('records the same log every time', async () => {
    const log = await recordGoldenLog();
    expect(await replayGoldenLog(log)).toEqual({ events: log.events.length, differences: [] });
    expect(await recordGoldenLog()).toEqual(log);
  });
});
