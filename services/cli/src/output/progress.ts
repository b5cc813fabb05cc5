/** Progress of long work: a bar on standard error where a person looks on, nothing else. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number, total?: number): void;
  stop(): void;
}

export function startProgress(title: string, total: number, unit: string): Progress {
  const bar = new SingleBar({
    format: `${title.padEnd(12)} {bar} {percentage} % | {value}/{total} ${unit} | {duration_formatted}`,
    stream: process.stderr,
    noTTYOutput: false,
    hideCursor: true,
    barsize: 30,
  });
  if (process.stderr.isTTY) bar.start(total, 0);
  return {
    update(done, newTotal) {
      if (newTotal !== undefined) bar.setTotal(newTotal);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
