import { describe, expect, it } from '@jest/globals';
import { correlationContext } from '@tantieme/event-sourcing/process/correlation-context';

import { createLogger, PinoNestLogger } from './logging.js';

function lines(log: (logger: PinoNestLogger) => void): readonly Record<string, unknown>[] {
  const written: string[] = [];
  log(new PinoNestLogger(createLogger('info', { write: (line) => written.push(line) })));
  return written.map((line) => JSON.parse(line));
}

describe('a line of the log', () => {
  it('says to which request it belongs', () => {
    const [line] = lines((logger) =>
      correlationContext.run(
        () => ['crm-1'],
        () => logger.error(new Error('no'), 'payouts'),
      ),
    );
    expect(line).toMatchObject({ level: 'error', context: 'payouts', correlationId: 'crm-1', msg: 'no' });
  });

  it('says to which of a batch', () => {
    const [line] = lines((logger) =>
      correlationContext.run(
        () => ['crm-1', 'crm-2'],
        () => logger.log('half', 'payouts'),
      ),
    );
    expect(line).toMatchObject({ correlationIds: ['crm-1', 'crm-2'], msg: 'half' });
    expect(line).not.toHaveProperty('correlationId');
  });

  it('says nothing of it where there is nothing in hand', () => {
    expect(Object.keys(lines((logger) => logger.log('up', 'payouts'))[0] ?? {}).join()).not.toContain('correlation');
  });

  it('looks for no ids where nothing is written', () => {
    let asked = 0;
    const ids = (): readonly string[] => [`asked ${(asked += 1)}`];
    expect(lines((logger) => correlationContext.run(ids, () => logger.debug('detail', 'payouts')))).toEqual([]);
    expect(asked).toBe(0);
  });
});
