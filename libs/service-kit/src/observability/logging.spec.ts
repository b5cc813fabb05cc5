import { describe, expect, it } from '@jest/globals';
import { correlationContext } from '@tantieme/event-sourcing/process/correlation-context';

import { createLogger, PinoNestLogger } from './logging.js';

function lines(log: (logger: PinoNestLogger) => void): readonly Record<string, unknown>[] {
  const written: string[] = [];
  log(new PinoNestLogger(createLogger('info', { write: (line) => written.push(line) })));
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log line', () => {
  it('carries the correlation id of its request', () => {
    const [line] = lines((logger) =>
      correlationContext.run(
        () => ['crm-1'],
        () => logger.error(new Error('no'), 'payouts'),
      ),
    );
    expect(line).toMatchObject({ level: 'error', context: 'payouts', correlationId: 'crm-1', msg: 'no' });
  });

  it('carries all correlation ids of a batch', () => {
    const [line] = lines((logger) =>
      correlationContext.run(
        () => ['crm-1', 'crm-2'],
        () => logger.log('half', 'payouts'),
      ),
    );
    expect(line).toMatchObject({ correlationIds: ['crm-1', 'crm-2'], msg: 'half' });
    expect(line).not.toHaveProperty('correlationId');
  });

  it('has no correlation id outside of requests and batches', () => {
    expect(Object.keys(lines((logger) => logger.log('up', 'payouts'))[0] ?? {}).join()).not.toContain('correlation');
  });

  it('does not collect ids where nothing is written', () => {
    let calls = 0;
    const ids = (): readonly string[] => [`call ${(calls += 1)}`];
    expect(lines((logger) => correlationContext.run(ids, () => logger.debug('detail', 'payouts')))).toEqual([]);
    expect(calls).toBe(0);
  });
});
