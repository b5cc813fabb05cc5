/**
 * Runs the five services as separate processes, as a deployment does: for specs of the distributed system and its
 * benchmark.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Servers } from '../driver.js';

/** In the order of the path of a deal, each with the first path segments that a reverse proxy sends to it. */
export const SERVICES = {
  'partner-registry': ['partners', 'partner-warnings', 'parked', 'parked-proposals'],
  'deal-ingestion': ['deals', 'imports', 'refusals', 'refusal-proposals'],
  'commission-calculation': [
    'plans',
    'periods',
    'earnings',
    'pending-deals',
    'exchange-rates',
    'quotas',
    'warnings',
    'uncredited-deals',
    'commission-proposals',
  ],
  rewards: ['programmes', 'bonuses'],
  payouts: ['statements', 'payouts', 'payments', 'balances', 'statement-runs'],
} as const;

export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[];

export type ServiceEnvironment = Readonly<Record<string, string>>;

/** Number of lines of standard error that are stored, to be printed where the process ends unexpectedly. */
const LINES_STORED = 50;

/** Killed when this process ends. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** One service, started from its build; can be killed and started again. */
export class ServiceProcess {
  private child: ChildProcess | undefined;
  private ended: Promise<number | null> = Promise.resolve(null);
  private listening: Promise<string> = Promise.reject(new Error('the process was never started'));
  private lines: string[] = [];
  private address = '';
  /** Set by `stop` and `kill`: any other end is unexpected and reported. */
  private isStopping = false;

  /** @param environment `TANTIEME_…`: the configuration of the process. */
  constructor(
    readonly name: ServiceName,
    private readonly environment: ServiceEnvironment,
  ) {
    this.listening.catch(() => undefined);
  }

  start(): void {
    const main = fileURLToPath(new URL(`../../../${this.name}/dist/main.js`, import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, NODE_OPTIONS: '', TANTIEME_PORT: '0', ...this.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running.add(child);
    this.child = child;
    this.lines = [];
    this.isStopping = false;
    this.ended = new Promise((resolve) => {
      // 'close' comes after the last line of standard error.
      child.once('close', (code) => {
        running.delete(child);
        if (!this.isStopping && this.address !== '')
          process.stderr.write(`${[...this.lines, `${this.name} ended unexpectedly with code ${code}`].join('\n')}\n`);
        resolve(code);
      });
    });
    this.listening = new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.lines = [...this.lines, line].slice(-LINES_STORED);
        const url = / listens on (\S+)/.exec(line)?.[1];
        if (url === undefined) return;
        this.address = url;
        resolve(url);
      });
      child.once('close', (code) =>
        reject(new Error(`${this.name} ended with code ${code} before it listened\n${this.lines.join('\n')}`)),
      );
    });
    this.listening.catch(() => undefined);
  }

  /** Its URL; the last one while it is down. */
  get url(): string {
    return this.address;
  }

  /** Its last lines of standard error. */
  get output(): readonly string[] {
    return this.lines;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** @throws where the process ends before it listens. */
  async untilListening(): Promise<void> {
    await this.listening;
  }

  /** Ends it like a power failure (SIGKILL). */
  async kill(): Promise<void> {
    this.isStopping = true;
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** Ends it like an operator (SIGTERM). @returns the exit code; null where it had to be killed. */
  async stop(): Promise<number | null> {
    this.isStopping = true;
    this.child?.kill('SIGTERM');
    return this.ended;
  }
}

/** All five services. */
export class ServiceProcesses implements Servers {
  private readonly processes: ReadonlyMap<ServiceName, ServiceProcess>;

  /** @param environmentOf gives a service its data directory, broker and stores. */
  constructor(environmentOf: (name: ServiceName) => ServiceEnvironment) {
    this.processes = new Map(SERVICE_NAMES.map((name) => [name, new ServiceProcess(name, environmentOf(name))]));
  }

  get(name: ServiceName): ServiceProcess {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`unknown service ${name}`);
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
