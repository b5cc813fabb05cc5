/**
 * The server for tests of EventStoreDB: the one at `TANTIEME_TEST_ESDB_URL`, otherwise one in a container if there is a
 * runtime, otherwise the in-memory one of `server.fixture.ts`.
 */
import { randomBytes } from 'node:crypto';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { EsdbServer } from './server.fixture.js';

export interface EsdbTarget {
  /** Which of the three it is. */
  readonly kind: 'TANTIEME_TEST_ESDB_URL' | 'a container' | 'the in-test server';
  /** Connection string. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The image of the compose file, unless the variable names another. */
const IMAGE = process.env['TANTIEME_TEST_ESDB_IMAGE'] ?? 'kurrentplatform/kurrentdb:25.0';
const PORT = 2113;

export async function startEsdbTarget(): Promise<EsdbTarget> {
  const url = process.env['TANTIEME_TEST_ESDB_URL'];
  if (url !== undefined && url !== '') return { kind: 'TANTIEME_TEST_ESDB_URL', url, stop: async () => undefined };
  if (await hasContainerRuntime()) {
    const container = await new GenericContainer(IMAGE)
      .withEnvironment({ KURRENTDB_INSECURE: 'true', KURRENTDB_MEM_DB: 'true', KURRENTDB_RUN_PROJECTIONS: 'None' })
      .withExposedPorts(PORT)
      .withWaitStrategy(Wait.forHttp('/health/live', PORT).forStatusCode(204))
      .start();
    return {
      kind: 'a container',
      url: `esdb://${container.getHost()}:${container.getMappedPort(PORT)}?tls=false`,
      stop: async () => void (await container.stop()),
    };
  }
  const server = await EsdbServer.start();
  return { kind: 'the in-test server', url: server.url, stop: () => server.stop() };
}

/** An unused namespace: gives a test an empty store on a server that is not empty. */
export function freshNamespace(): string {
  return `t${randomBytes(8).toString('hex')}`;
}

async function hasContainerRuntime(): Promise<boolean> {
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}
