/** `tantieme demo`: real sales data from file to payouts, explained and replayed, in one command. */
import { existsSync, mkdirSync, openAsBlob, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Verification } from '@tantieme/audit/verify';
import { startAllInOne } from '@tantieme/all-in-one/start';
import type { StatementIssued } from '@tantieme/contracts/payout';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import type { Role } from '@tantieme/service-kit/access/auth';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { explainLine } from '../commands/explain.js';
import { payoutsOf } from '../commands/payout.js';
import { importBody, importSummary } from '../commands/import.js';
import type { ImportRequest } from '../commands/import.js';
import { lineTable, readStatement, statementColumns } from '../commands/statement.js';
import { verifyConfigured, verificationText } from '../operate/verify.js';
import { print, printJson } from '../output/print.js';
import { startProgress } from '../output/progress.js';
import { table } from '../output/table.js';
import { createApi, dataOf, itemsOf, rawBody } from '../server/client.js';
import type { Api, Schemas } from '../server/client.js';
import { caughtUp, closePeriod } from '../server/background-work.js';
import { packageFile } from '../package-file.js';
import { mapping, partners, periods, returns, SUPERSTORE_CSV } from './superstore.js';

const CALENDAR = 'monthly@America/New_York';

/** File that marks a data directory as one of the demo: only such a directory is replaced. */
const MARKER = 'made-by-tantieme-demo';

const document = (name: string): string => readFileSync(packageFile(`demo/${name}`), 'utf8');

export function demoCommand(): Command {
  return new Command('demo')
    .description('import four years of real sales, issue all statements, explain one cent, replay everything')
    .option('--data <directory>', 'data directory, empty or from an earlier demo, which is replaced', 'data/demo')
    .option('--port <port>', 'port of the server during the demo (0: any free port)', '0')
    .option('--json', 'print the result as JSON at the end')
    .action(async ({ data, port, json }: { data: string; port: string; json?: boolean }) => {
      prepareDirectory(data);
      const config = loadConfig(process.env, { dataDirectory: data, port: Number(port), logLevel: 'warn' });
      const server = await startAllInOne(config);
      try {
        const as = async (role: Role): Promise<Api> =>
          createApi(server.url, await mintToken({ dataDirectory: data, roles: [role], subject: `demo-${role}` }));
        await run({
          operator: await as('operator'),
          source: await as('source'),
          designer: await as('plan-designer'),
          approver: await as('approver'),
          finance: await as('finance'),
        });
        const verification = await replay(config);
        if (json) printJson({ data, events: verification.events, differences: verification.differenceCount });
        print(`\nThe data stays in ${data}. To explore it:`);
        print(
          `  npm start -- --data ${data}     starts the server; its API is documented at http://127.0.0.1:8080/docs`,
        );
        print(`  npx tantieme statement list --data ${data}`);
        print('  Finance reads payouts with "tantieme payout list", GET /payouts, or from the topic `payouts`');
      } finally {
        await server.stop();
      }
    });
}

/** Empties the data directory. @throws if it contains anything but an earlier demo, which must never be deleted */
function prepareDirectory(directory: string): void {
  const marker = join(directory, MARKER);
  if (existsSync(directory) && readdirSync(directory).length > 0 && !existsSync(marker))
    throw new Error(
      `${directory} is not empty, and the demo replaces only directories of its own; name another one with --data`,
    );
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(marker, 'The demo may delete this directory and everything in it.\n');
}

interface People {
  readonly operator: Api;
  readonly source: Api;
  readonly designer: Api;
  readonly approver: Api;
  readonly finance: Api;
}

async function run({ operator, source, designer, approver, finance }: People): Promise<void> {
  print('1. Partners, plans and a programme');
  const all = partners();
  await importBody(operator, { kind: 'partners', body: ndjson(all), format: 'ndjson' });
  for (const name of ['resellers-us.yaml', 'direct-us.yaml']) {
    const drafted = await dataOf(designer.POST('/plans', rawBody(document(name), 'application/yaml')));
    const params = { path: { id: drafted.plan, version: drafted.version } };
    await dataOf(approver.POST('/plans/{id}/versions/{version}/approve', { params }));
    const body = { effectiveFrom: '2014-01-01' };
    await dataOf(approver.POST('/plans/{id}/versions/{version}/publish', { params, body }));
  }
  const programme = JSON.parse(document('volume-bonus-us.json')) as Schemas['ProgrammeDto'];
  await dataOf(designer.POST('/programmes', { body: programme }));
  print(
    `   ${all.length} partners of five channel types, with two levels of distributors above the sellers; ` +
      '2 plans (drafted by one person, approved by another), 1 programme',
  );

  print(
    '\n2. The sales file: an order is a deal, a row is a line ' +
      '(Sales has up to four decimals: they are rounded half-up, and the original is stored)',
  );
  const imported = async (request: Omit<ImportRequest, 'kind'>): Promise<void> =>
    print(`   ${importSummary(await importBody(source, { kind: 'deals', ...request }))}`);
  await imported({ body: await openAsBlob(SUPERSTORE_CSV), format: 'csv', file: 'superstore.csv', mapping: mapping() });
  print('   Derived returns, 20 days after the order: every 25th order, and the first row of every 40th');
  await imported({ body: ndjson(returns()), format: 'ndjson', file: 'returns.ndjson' });
  await caughtUp(operator, 'calculate');

  print('\n3. Close every month, approve the statements');
  const months = periods();
  const progress = startProgress('close', months.length, 'months');
  for (const [index, period] of months.entries()) {
    await closePeriod(finance, approver, CALENDAR, period);
    await dataOf(approver.POST('/statements/approve', { body: { calendar: CALENDAR, period } }));
    progress.update(index + 1);
  }
  progress.stop();
  await caughtUp(operator, 'pay');
  const statements = await Array.fromAsync(
    itemsOf<StatementIssued>((query) => finance.GET('/statements', { params: { query } })),
  );
  const payouts = await Array.fromAsync(payoutsOf(finance));
  print(`   ${statements.length} statements, ${payouts.length} payouts`);

  const last = months.at(-2) ?? '';
  print(`\n4. The statements of ${last}`);
  print(
    table(
      statementColumns(),
      statements.filter(({ period }) => period === last),
    ),
  );

  const shown =
    statements.find(({ period, payee }) => period === last && payee === 'seller-california') ?? statements[0];
  if (!shown) throw new Error('no statement was issued');
  print(`\n5. One cent explained: the first line of ${shown.id}`);
  const statement = await readStatement(finance, shown.id);
  print(lineTable(statement.lines.slice(0, 1)));
  print((await explainLine(operator, statement, 1)).text.map((sentence) => `   ${sentence}`).join('\n'));
}

const ndjson = (documents: readonly object[]): string => documents.map((one) => JSON.stringify(one)).join('\n');

async function replay(config: RuntimeConfig): Promise<Verification> {
  print('\n6. Replay: every event re-hashed, every decision re-decided from its recorded input');
  const result = await verifyConfigured(config);
  print(
    verificationText(result)
      .map((sentence) => `   ${sentence}`)
      .join('\n'),
  );
  if (result.differences.length > 0) process.exitCode = 1;
  return result;
}
