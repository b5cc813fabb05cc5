/**
 * A real Kafka for tests and benchmarks: a given one, one in a container, or one started with Java from Maven's
 * repository. If there is none of them, the result has the reason.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface KafkaServer {
  /** `host:port` of its brokers. */
  readonly brokers: readonly string[];
  /** Describes the server in the output. */
  readonly name: string;
  /** Kills the broker like a power failure; only if it was started here with Java. */
  readonly kill?: () => Promise<void>;
  /** Restarts it after `kill`, with the same address and data. */
  readonly start?: () => Promise<void>;
  /** A second listener with TLS and SASL; only if it was started here with Java. */
  readonly secured?: SecuredListener;
  /** Stops it and deletes its data if it was started here. */
  stop(): Promise<void>;
}

export interface SecuredListener {
  readonly brokers: readonly string[];
  /** PEM file of the server's self-signed certificate. */
  readonly caFile: string;
  /** A user for SASL PLAIN and SCRAM-SHA-512. */
  readonly username: string;
  readonly password: string;
}

export type KafkaServerFound =
  { readonly server: KafkaServer } | { readonly server?: undefined; readonly missing: string };

/** The newest tested version, unless the variable names another. */
const VERSION = process.env['TANTIEME_TEST_KAFKA_VERSION'] ?? '4.4.0';
/** In the project, so that it is deleted with its packages. */
const CACHE = join(import.meta.dirname, '../../../../../node_modules/.cache/tantieme-kafka');
const START_MS_MAX = 90_000;
const HOST = '127.0.0.1';

const run = promisify(execFile);

/**
 * Uses `TANTIEME_TEST_KAFKA` (`host:port,host:port`), otherwise a container runtime, otherwise Java and Maven.
 * @throws if the server does not start, and in CI (`CI` is set) also if there is none of them.
 */
export async function startKafkaServer(): Promise<KafkaServerFound> {
  const named = process.env['TANTIEME_TEST_KAFKA'];
  if (named)
    return { server: { brokers: named.split(','), name: `the Kafka at ${named}`, stop: async () => undefined } };
  const container = await startContainer();
  if (container) return { server: container };
  try {
    return { server: await startJava() };
  } catch (error) {
    if (process.env['CI'] || !(error instanceof KafkaMissing)) throw error;
    return { missing: `${error.message}, or set TANTIEME_TEST_KAFKA` };
  }
}

/** Kafka cannot be had from Maven's repository on this machine. */
export class KafkaMissing extends Error {}

/** @returns undefined without a container runtime. */
async function startContainer(): Promise<KafkaServer | undefined> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  const port = await freePort();
  const container = await new GenericContainer(`apache/kafka:${VERSION}`)
    // The broker advertises its port to clients, so it must be known before the start.
    .withExposedPorts({ container: port, host: port })
    .withEnvironment(environmentOf({ ...commonProperties(port, await freePort()), 'log.dirs': '/tmp/kafka-logs' }))
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  return {
    brokers: [`${container.getHost()}:${port}`],
    name: `Kafka ${VERSION} in a container`,
    stop: async () => void (await container.stop()),
  };
}

async function hasJavaAndMaven(): Promise<boolean> {
  try {
    const { stderr } = await run('java', ['-version']);
    await run('mvn', ['--version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1]) >= 17;
  } catch {
    return false;
  }
}

async function startJava(): Promise<KafkaServer> {
  const libraries = await kafkaLibraries();
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-kafka-'));
  const [port, controllerPort, securedPort] = [await freePort(), await freePort(), await freePort()];
  const secured = await makeSecured(directory, securedPort);
  const properties = join(directory, 'server.properties');
  const logFile = join(directory, 'server.log');
  writeFileSync(
    properties,
    textOf({
      ...commonProperties(port, controllerPort),
      ...securedProperties(directory, port, controllerPort, securedPort, secured),
      'log.dirs': join(directory, 'data'),
    }),
  );
  const java = (main: string, ...rest: string[]): string[] => [
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-cp',
    join(libraries, '*'),
    main,
    ...rest,
  ];
  await run(
    'java',
    java(
      'kafka.tools.StorageTool',
      'format',
      `--cluster-id=${clusterId()}`,
      '-c',
      properties,
      '--add-scram',
      scramOf(secured),
    ),
  );
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawnTied('java', java('kafka.Kafka', properties), logFile);
    try {
      await accepts(port, child);
    } catch (error) {
      child.stdin?.end();
      throw new Error(`${String(error)}\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
    }
  };
  const kill = async (): Promise<void> => {
    const ended = child && child.exitCode === null ? new Promise((resolve) => child?.once('exit', resolve)) : undefined;
    child?.stdin?.end();
    await ended;
    child = undefined;
  };
  await start();
  return {
    brokers: [`${HOST}:${port}`],
    name: `Kafka ${VERSION} on Java`,
    start,
    kill,
    secured,
    stop: async () => {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts a command that is killed when this process closes its input or ends in any way. */
function spawnTied(command: string, args: readonly string[], logFile: string): ChildProcess {
  // A background job of the shell does not get its standard input, hence the copy.
  const script = 'exec 3<&0; "$@" & child=$!; { read -r _ <&3; kill -9 $child; } & wait $child';
  const log = openSync(logFile, 'a');
  const child = spawn('sh', ['-c', script, 'sh', command, ...args], { stdio: ['pipe', log, log] });
  closeSync(log);
  // Lets this process end even if the command was not stopped.
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return child;
}

/**
 * The folder of Kafka's jars, with its command line tools, downloaded from Maven's repository if missing.
 * @throws {KafkaMissing} without Java and Maven, or if the download fails.
 */
export async function kafkaLibraries(): Promise<string> {
  if (!(await hasJavaAndMaven())) throw new KafkaMissing('no Kafka: install a container runtime or Java 17 with Maven');
  const directory = join(CACHE, `${VERSION}-tools`);
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'download-'));
  try {
    writeFileSync(join(work, 'pom.xml'), POM);
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], { cwd: work }).catch(
      ({ stdout }: { readonly stdout?: string }) => {
        const [reason] = String(stdout).split('\n', 1);
        throw new KafkaMissing(`no Kafka: ${VERSION} cannot be fetched from Maven's repository (${reason})`);
      },
    );
    // Atomic, even if two downloads end at once.
    if (!existsSync(directory)) renameSync(join(work, 'lib'), directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return directory;
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tantieme</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
`;

type Properties = Readonly<Record<string, string>>;

/** One node that is both broker and controller (KRaft), without automatic topic creation. */
function commonProperties(port: number, controllerPort: number): Properties {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
  };
}

function securedProperties(
  directory: string,
  port: number,
  controllerPort: number,
  securedPort: number,
  { username, password }: SecuredListener,
): Properties {
  const module = (name: string, rest: string): string => `org.apache.kafka.common.security.${name} required ${rest};`;
  return {
    listeners: `PLAINTEXT://${HOST}:${port},SECURED://${HOST}:${securedPort},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port},SECURED://${HOST}:${securedPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT',
    'listener.name.secured.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'listener.name.secured.plain.sasl.jaas.config': module('plain.PlainLoginModule', `user_${username}="${password}"`),
    'listener.name.secured.scram-sha-512.sasl.jaas.config': module('scram.ScramLoginModule', ''),
    'listener.name.secured.ssl.keystore.location': join(directory, 'keys.p12'),
    'listener.name.secured.ssl.keystore.type': 'PKCS12',
    'listener.name.secured.ssl.keystore.password': password,
  };
}

/** Creates a key and a self-signed certificate with Java's `keytool`. */
async function makeSecured(directory: string, port: number): Promise<SecuredListener> {
  const secured = {
    brokers: [`${HOST}:${port}`],
    caFile: join(directory, 'ca.pem'),
    username: 'tantieme',
    password: randomUUID(),
  };
  const store = [
    '-alias',
    'kafka',
    '-keystore',
    join(directory, 'keys.p12'),
    '-storetype',
    'PKCS12',
    '-storepass',
    secured.password,
  ];
  await run('keytool', ['-genkeypair', ...store, '-keyalg', 'EC', '-dname', 'CN=localhost', '-ext', `SAN=ip:${HOST}`]);
  await run('keytool', ['-exportcert', ...store, '-rfc', '-file', secured.caFile]);
  return secured;
}

function scramOf({ username, password }: SecuredListener): string {
  return `SCRAM-SHA-512=[name=${username},password=${password}]`;
}

/** A UUID in Kafka's notation. */
function clusterId(): string {
  return randomBytes(16).toString('base64url');
}

function textOf(properties: Properties): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Environment variables of the container image, such as `KAFKA_NODE_ID`. */
function environmentOf(properties: Properties): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`, value]),
  );
}

/**
 * A port below the ephemeral range: otherwise a client's outgoing connection could take the port of a broker that is
 * down.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, HOST, () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  const untilMs = performance.now() + START_MS_MAX;
  while (performance.now() < untilMs) {
    if (child.exitCode !== null) throw new Error(`Kafka ended with exit code ${child.exitCode} during its start`);
    if (await connects(port)) return;
    await pause(100);
  }
  throw new Error(`Kafka did not accept connections within ${START_MS_MAX / 1000} s`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
