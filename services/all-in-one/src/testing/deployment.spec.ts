/**
 * Checks `deploy/` against the schemas of Compose, Kubernetes and KEDA, and against the code. Needs none of them
 * installed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { parser as promql } from '@prometheus-io/lezer-promql';
import { CommissionCalculationModule } from '@tantieme/commission-calculation/commission-calculation.module';
import { CREDITS_TOPIC } from '@tantieme/commission-calculation/credit/credit.events-out';
import { EARN_CONSUMER } from '@tantieme/commission-calculation/earning/earning.consumer';
import { CHANNELS } from '@tantieme/contracts/channels';
import { DealIngestionModule } from '@tantieme/deal-ingestion/deal-ingestion.module';
import { PartnerRegistryModule } from '@tantieme/partner-registry/partner-registry.module';
import { PayoutsModule } from '@tantieme/payouts/payouts.module';
import { RewardsModule } from '@tantieme/rewards/rewards.module';
import { createApplication } from '@tantieme/service-kit/application/application';
import { Metrics } from '@tantieme/service-kit/observability/metrics';
import { routesOf } from '@tantieme/service-kit/access/route-roles';
import { KAFKA_VARIABLES, VARIABLES } from '@tantieme/service-kit/runtime/config';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { parse, parseAllDocuments } from 'yaml';
import { configOf, temporaryDirectory } from './end-to-end.fixture.js';

const root = new URL('../../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const SERVICES = {
  'partner-registry': PartnerRegistryModule,
  'deal-ingestion': DealIngestionModule,
  'commission-calculation': CommissionCalculationModule,
  rewards: RewardsModule,
  payouts: PayoutsModule,
};
const NAMES = Object.keys(SERVICES);

/** Variables that the configuration reads. */
const KNOWN = new Set<string>([...Object.values(VARIABLES), ...Object.values(KAFKA_VARIABLES)]);

/** Variables that each deployment with an issuer of its own must be able to set. */
const IDENTITY = [
  'TANTIEME_ISSUER',
  'TANTIEME_AUDIENCE',
  'TANTIEME_JWKS_URL',
  'TANTIEME_ROLES_CLAIM',
  'TANTIEME_PARTNER_CLAIM',
];

const variablesIn = (text: string): readonly string[] => [...text.matchAll(/TANTIEME_[A-Z_]+/g)].map(([name]) => name);

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly dockerfile: string; readonly target: string };
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly environment?: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
}

const composeOf = (path: string): { readonly services: Readonly<Record<string, ComposeService>> } =>
  parse(read(path), { merge: true }) as { readonly services: Readonly<Record<string, ComposeService>> };

describe.each(['docker-compose.yml', 'deploy/compose.all-in-one.yml'])('%s', (path) => {
  const text = read(path);
  const { services } = composeOf(path);

  it('is valid by the schema of the Compose specification', () => {
    const schemas = new URL('schemas/', `file://${createRequire(import.meta.url).resolve('dclint/package.json')}`);
    const ajv = new Ajv({ strict: false });
    addFormats.default(ajv);
    const { $schema: _, ...schema } = JSON.parse(
      readFileSync(new URL('compose.schema.json', schemas), 'utf8'),
    ) as Record<string, unknown>;
    const validate = ajv.compile(schema);
    validate(parse(text, { merge: true }));
    expect(validate.errors).toBeNull();
  });

  it('sets only variables that the configuration reads', () => {
    expect(variablesIn(text).filter((name) => !KNOWN.has(name))).toEqual([]);
  });

  it('contains no password, and no default for one', () => {
    for (const [, name, rest] of text.matchAll(/\$\{(\w*PASSWORD\w*)(.*?)\}/g))
      expect([name, rest]).toEqual([name, expect.stringMatching(/^:\?/)]);
    expect(text).not.toMatch(/PASSWORD: *['"]?\w/);
  });

  it('requires an issuer, and passes on everything about its tokens', () => {
    expect(text).toContain('TANTIEME_ISSUER: ${TANTIEME_ISSUER:?');
    for (const name of IDENTITY) expect(text).toContain(`${name}: \${${name}:`);
  });

  it('pins every image, builds existing stages, and publishes ports on loopback only', () => {
    const stages = [...read('deploy/Dockerfile').matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage);
    for (const { image, build, ports = [] } of Object.values(services)) {
      if (image !== undefined) expect(image).toMatch(/:v?\d+\.\d+/);
      if (build !== undefined) expect(stages).toContain(build.target);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });
});

describe('docker-compose.yml', () => {
  const { services } = composeOf('docker-compose.yml');

  it.each(NAMES)('runs %s in a container of its own, with a readiness check and a read-only file system', (name) => {
    const service = services[name];
    expect(service?.build?.target).toBe(name);
    expect(service?.read_only).toBe(true);
    expect(service?.healthcheck?.test.join(' ')).toContain('/health/ready');
    expect(service?.ports).toBeUndefined();
  });

  it('isolates the stores in a network of their own', () => {
    for (const name of ['kafka', 'kurrentdb', 'postgres']) expect(services[name]?.networks).toEqual(['data']);
  });
});

describe('deploy/Dockerfile', () => {
  const text = read('deploy/Dockerfile');

  it.each(NAMES)('has a stage for %s that starts its program', (name) => {
    expect(text).toContain(
      `FROM runtime AS ${name}\nENV OTEL_SERVICE_NAME=${name}\nCMD ["node", "services/${name}/dist/main.js"]`,
    );
    expect(existsSync(new URL(`services/${name}/src/main.ts`, root))).toBe(true);
  });

  it('runs as an unprivileged user, on a pinned base image', () => {
    expect(text).toMatch(/^USER \d+:\d+$/m);
    expect(text).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-/m);
  });
});

describe('one address for the five services', () => {
  /** First path segment → service, from the controllers. */
  const owners = new Map<string, string>();
  beforeAll(async () => {
    for (const [name, module] of Object.entries(SERVICES)) {
      const directory = temporaryDirectory();
      const application = await createApplication(module, configOf(directory.path));
      for (const { name: route } of routesOf(application)) {
        const segment = /^\w+ \/*([^/ ]*)/.exec(route)?.[1] ?? '';
        // All services list all parked items, which are in the log that they share: the first one answers.
        if (segment !== 'health' && segment !== 'metrics' && !owners.has(segment)) owners.set(segment, name);
      }
      await application.close();
      directory.remove();
    }
  }, 120_000);

  it('is routed by Caddy to the services of the controllers', () => {
    const routed = new Map(
      [
        ...read('deploy/caddy/Caddyfile').matchAll(/@(\S+) path (.*)\n\thandle @\1 \{\n\t\treverse_proxy \1:8080/g),
      ].flatMap(([, name = '', paths = '']) =>
        paths.split(' ').map((path): [string, string] => [path.replace(/^\/|\/\*$/g, ''), name]),
      ),
    );
    expect(Object.fromEntries(routed)).toEqual(Object.fromEntries(owners));
  });

  it('is routed by the Ingress to the services of the controllers', () => {
    const { spec } = parse(read('deploy/kubernetes/base/ingress.yaml')) as Ingress;
    const routed = spec?.rules?.flatMap(({ http }) => http?.paths ?? []) ?? [];
    expect(Object.fromEntries(routed.map(({ path, backend }) => [path?.slice(1), backend.service?.name]))).toEqual(
      Object.fromEntries(owners),
    );
  });
});

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const KINDS = { Deployment, Service, PodDisruptionBudget, ConfigMap, Ingress, ScaledObject };

const isKind = (kind: string): kind is keyof typeof KINDS => Object.hasOwn(KINDS, kind);

describe('deploy/kubernetes', () => {
  const filesOf = (folder: string): readonly string[] =>
    readdirSync(new URL(`deploy/kubernetes/${folder}/`, root)).filter((file) => file !== 'kustomization.yaml');
  const manifestsOf = (path: string): readonly Manifest[] =>
    parseAllDocuments(read(`deploy/kubernetes/${path}`)).map((document) => document.toJS() as Manifest);
  const deploymentOf = (name: string): Deployment => new Deployment(manifestsOf(`base/${name}.yaml`)[0]);

  it.each([...filesOf('base').map((file) => `base/${file}`), ...filesOf('scaling').map((file) => `scaling/${file}`)])(
    '%s is valid by the schemas of Kubernetes and KEDA',
    (path) => {
      const manifests = manifestsOf(path);
      expect(manifests.length).toBeGreaterThan(0);
      for (const manifest of manifests) {
        if (!isKind(manifest.kind)) throw new Error(`no schema for ${manifest.kind}`);
        const model = new KINDS[manifest.kind](manifest as never);
        model.validate();
        expect(manifest.apiVersion).toBe(KINDS[manifest.kind].apiVersion);
      }
    },
  );

  it.each(['base', 'scaling'])('%s lists every file beside it', (folder) => {
    const { resources } = parse(read(`deploy/kubernetes/${folder}/kustomization.yaml`)) as { resources: string[] };
    expect(resources.filter((one) => one !== '../base').sort()).toEqual([...filesOf(folder)].sort());
  });

  it.each(NAMES)(
    'runs %s as an unprivileged user, with a read-only file system, probes and resource requests',
    (name) => {
      const pod = deploymentOf(name).spec?.template.spec;
      expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      const [container] = pod?.containers ?? [];
      expect(container).toMatchObject({
        image: `tantieme/${name}`,
        livenessProbe: { httpGet: { path: '/health/live' } },
        readinessProbe: { httpGet: { path: '/health/ready' } },
        resources: { requests: { cpu: expect.any(String), memory: expect.any(String) } },
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        },
      });
    },
  );

  it('describes all services alike, except for names and resources', () => {
    const common = (name: string): string =>
      JSON.stringify(manifestsOf(`base/${name}.yaml`), (key, value: unknown) =>
        key === 'resources' ? undefined : value,
      ).replaceAll(name, 'SERVICE');
    expect(new Set(NAMES.map(common)).size).toBe(1);
  });

  it('gives every image a version', () => {
    const { images } = parse(read('deploy/kubernetes/base/kustomization.yaml')) as {
      images: readonly { name: string; newTag: string }[];
    };
    expect(images.map(({ name }) => name).sort()).toEqual(NAMES.map((name) => `tantieme/${name}`).sort());
  });

  it('sets only variables that the configuration reads, and contains no secret', () => {
    const [config] = manifestsOf('base/config.yaml') as [Manifest & { data: Record<string, string> }];
    expect(Object.keys(config.data).filter((name) => !KNOWN.has(name))).toEqual([]);
    expect(Object.values(config.data).join('\n')).not.toMatch(/:\/\/[^/]*@/);
  });

  it('scales by the lag of existing groups on topics that they read', () => {
    const known = new Set([
      ...CHANNELS.flatMap(({ topic, consumers }) =>
        consumers.map(({ service, group }) => `${service} ${group} ${topic}`),
      ),
      `commission-calculation ${EARN_CONSUMER} ${CREDITS_TOPIC}`,
    ]);
    const scaled = manifestsOf('scaling/scaled-objects.yaml').map((manifest) => new ScaledObject(manifest as never));
    const triggers = scaled.flatMap(({ spec }) =>
      spec.triggers.map(
        ({ metadata }) => `${spec.scaleTargetRef?.name} ${metadata['consumerGroup']} ${metadata['topic']}`,
      ),
    );
    expect(triggers.length).toBeGreaterThan(4);
    for (const trigger of triggers) expect(known).toContain(trigger);
  });
});

describe('Prometheus and Grafana', () => {
  /** Metrics of ours and of the process in an expression; `up` belongs to Prometheus. */
  const metricsIn = (text: string): readonly string[] => [
    ...new Set([...text.matchAll(/\b(?:tantieme|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name)),
  ];
  const named = new Set<string>();
  let known: ReadonlySet<string>;
  beforeAll(async () => {
    const text = await new Metrics().text([], 0, []);
    known = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
  });

  interface Dashboard {
    readonly panels: readonly {
      readonly datasource?: { readonly uid: string };
      readonly targets?: readonly { readonly expr: string }[];
    }[];
  }

  /** Positions of syntax errors in a PromQL expression. Grafana replaces its variables by times. */
  function faultsIn(expression: string): readonly number[] {
    const faults: number[] = [];
    promql.parse(expression.replaceAll(/\$__(rate_interval|range)/g, '5m')).iterate({
      enter: ({ type, from }) => {
        if (type.isError) faults.push(from);
      },
    });
    return faults;
  }

  it('draw existing metrics only', () => {
    const { panels } = JSON.parse(read('deploy/grafana/dashboards/tantieme.json')) as Dashboard;
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(10);
    for (const expression of expressions) {
      expect([expression, faultsIn(expression)]).toEqual([expression, []]);
      expect(metricsIn(expression).length).toBeGreaterThan(0);
      for (const name of metricsIn(expression)) {
        expect(known).toContain(name);
        named.add(name);
      }
    }
  });

  it('draw all our metrics', () => {
    const missing = [...new Set([...known].map((name) => name.replace(/_(bucket|sum|count)$/, '')))].filter(
      (name) => name.startsWith('tantieme_') && ![...named].some((one) => one.startsWith(name)),
    );
    expect(missing).toEqual([]);
  });

  it('alert on existing metrics only', () => {
    const { groups } = parse(read('deploy/prometheus/alerts.yml')) as {
      groups: readonly { rules: readonly { expr: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(4);
    for (const { expr } of rules) {
      expect([expr, faultsIn(expr)]).toEqual([expr, []]);
      for (const name of metricsIn(expr)) expect(known).toContain(name);
    }
  });

  it('scrape every service', () => {
    const { scrape_configs: [job] = [] } = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs?: { static_configs: { targets: string[] }[] }[];
    };
    expect(job?.static_configs[0]?.targets.sort()).toEqual(NAMES.map((name) => `${name}:8080`).sort());
  });

  it('refer to each other by the right names', () => {
    const { datasources } = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: readonly { uid: string }[];
    };
    const { panels } = JSON.parse(read('deploy/grafana/dashboards/tantieme.json')) as Dashboard;
    for (const { datasource } of panels) if (datasource) expect(datasource.uid).toBe(datasources[0]?.uid);
  });
});
