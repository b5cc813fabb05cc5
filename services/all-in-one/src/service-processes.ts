/** The five services as processes of their own, as a deployment runs them: for the tests of the distributed run, and its benchmark. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Servers } from './driver.js';

/** In the order of a deal's way, each with the first segments of the paths that it answers: what a reverse proxy has to know. */
export const SERVICES = {
  'partner-registry': ['partners'],
  'deal-ingestion': ['deals', 'imports', 'refusals'],
  'commission-calculation': ['plans', 'periods', 'earnings', 'pending-deals', 'exchange-rates', 'quotas', 'warnings'],
  rewards: ['programmes', 'bonuses'],
  payouts: ['statements', 'payouts', 'payments', 'balances', 'statement-runs'],
} as const;

export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[];

export type ServiceEnvironment = Readonly<Record<string, string>>;

/** Lines of standard error that are kept, to be shown where it ends unexpectedly. */
const LINES_KEPT = 50;

/** They end with the process that started them. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** One service, started from what was built; may be killed and started again. */
export class ServiceProcess {
  private child: ChildProcess | undefined;
  private ended: Promise<number | null> = Promise.resolve(null);
  private listening: Promise<string> = Promise.reject(new Error('it was never started'));
  private lines: string[] = [];
  private address = '';
  /** It is to end: an end that nobody asked for is told. */
  private asked = false;

  /** @param environment `TANTIEME_…`: what the process is configured by. */
  constructor(
    readonly name: ServiceName,
    private readonly environment: ServiceEnvironment,
  ) {
    this.listening.catch(() => undefined);
  }

  start(): void {
    const main = fileURLToPath(new URL(`../../${this.name}/dist/main.js`, import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, NODE_OPTIONS: '', TANTIEME_PORT: '0', ...this.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running.add(child);
    this.child = child;
    this.lines = [];
    this.asked = false;
    this.ended = new Promise((resolve) => {
      // Its last words come before its end.
      child.once('close', (code) => {
        running.delete(child);
        if (!this.asked && this.address !== '')
          process.stderr.write(`${[...this.lines, `${this.name} ended by itself with ${code}`].join('\n')}\n`);
        resolve(code);
      });
    });
    this.listening = new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.lines = [...this.lines, line].slice(-LINES_KEPT);
        const url = / listens on (\S+)/.exec(line)?.[1];
        if (url === undefined) return;
        this.address = url;
        resolve(url);
      });
      child.once('close', (code) =>
        reject(new Error(`${this.name} ended with ${code} before it listened\n${this.lines.join('\n')}`)),
      );
    });
    this.listening.catch(() => undefined);
  }

  /** Where it listens; the last one while it is down. */
  get url(): string {
    return this.address;
  }

  /** What it said last on standard error. */
  get said(): readonly string[] {
    return this.lines;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** @throws where it ends before. */
  async untilListening(): Promise<void> {
    await this.listening;
  }

  /** As a power failure would. */
  async kill(): Promise<void> {
    this.asked = true;
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** As an operator would. @returns the exit code; null where it had to be killed. */
  async stop(): Promise<number | null> {
    this.asked = true;
    this.child?.kill('SIGTERM');
    return this.ended;
  }
}

/** All five. */
export class ServiceProcesses implements Servers {
  private readonly processes: ReadonlyMap<ServiceName, ServiceProcess>;

  /** @param environmentOf a service: its data directory, broker and stores. */
  constructor(environmentOf: (name: ServiceName) => ServiceEnvironment) {
    this.processes = new Map(SERVICE_NAMES.map((name) => [name, new ServiceProcess(name, environmentOf(name))]));
  }

  get(name: ServiceName): ServiceProcess {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`there is no service ${name}`);
    return found;
  }

  /** @throws where one of them ends before it listens. */
  async start(names: readonly ServiceName[] = SERVICE_NAMES): Promise<void> {
    for (const name of names) this.get(name).start();
    await Promise.all(names.map((name) => this.get(name).untilListening()));
  }

  async stop(): Promise<readonly (number | null)[]> {
    return Promise.all(SERVICE_NAMES.map((name) => this.get(name).stop()));
  }

  async kill(): Promise<void> {
    await Promise.all(SERVICE_NAMES.map((name) => this.get(name).kill()));
  }

  urlOf(path: string): string {
    const segment = /^\/([^/?]*)/.exec(path)?.[1] ?? '';
    const name = SERVICE_NAMES.find((one) => (SERVICES[one] as readonly string[]).includes(segment));
    if (name === undefined) throw new Error(`no service answers ${path}`);
    return this.get(name).url;
  }

  get urls(): readonly string[] {
    return SERVICE_NAMES.map((name) => this.get(name).url);
  }
}
