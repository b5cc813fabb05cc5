/** The demonstration: real sales data from file to payouts, explained and replayed, in one command. */
import { readFileSync, rmSync } from 'node:fs';
import { Command } from 'commander';
import { startAllInOne } from '@tantieme/all-in-one/start';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import type { Role } from '@tantieme/service-kit/access/auth';
import type { EventStoreConfig } from '@tantieme/service-kit/runtime/event-store';
import type { StatementIssued, PayoutDue } from '@tantieme/contracts/payout';
import { Client, fileBody } from '../client.js';
import { mapping, partners, periods, returns, SUPERSTORE_CSV } from '../demo/superstore.js';
import { startProgress } from '../progress.js';
import { explainLine } from './explain.js';
import { importBody, importSummary } from './import.js';
import { print } from './output.js';
import { versionPath, type PlanVersion } from './plan/version.js';
import { statementTable, lineTable } from './statement.js';
import { verifyConfigured, verificationText } from './verify.js';
import { closePeriod, settled } from './pipeline.js';

const CALENDAR = 'monthly@America/New_York';

const document = (name: string): string => readFileSync(new URL(`../../demo/${name}`, import.meta.url), 'utf8');

export function demoCommand(): Command {
  return new Command('demo')
    .description('four years of real sales: import, calculate, statements, one cent explained, everything replayed')
    .option('--data <directory>', 'data directory, made anew', 'data/demo')
    .option('--port <port>', 'port of the server while the demo runs (0: any free one)', '0')
    .action(async (options: { data: string; port: string }) => {
      rmSync(options.data, { recursive: true, force: true });
      const config = loadConfig(process.env, {
        dataDirectory: options.data,
        port: Number(options.port),
        logLevel: 'warn',
      });
      const server = await startAllInOne(config);
      try {
        const as = async (role: Role): Promise<Client> =>
          new Client(
            server.url,
            await mintToken({ dataDirectory: config.dataDirectory, roles: [role], subject: `demo-${role}` }),
          );
        await run(
          await as('operator'),
          await as('source'),
          await as('plan-designer'),
          await as('approver'),
          await as('finance'),
        );
        await replay(config);
        print(`\nThe data stays in ${options.data}. Look around in it:`);
        print(
          `  npm run tantieme -- start --data ${options.data}     the API and its documentation: http://127.0.0.1:8080/docs`,
        );
        print(`  npm run tantieme -- token finance --data ${options.data}`);
        print('  payout events for finance: GET /payouts (cursor), or the topic `payouts`');
      } finally {
        await server.stop();
      }
    });
}

async function run(
  operator: Client,
  source: Client,
  designer: Client,
  approver: Client,
  finance: Client,
): Promise<void> {
  print('1. Partners, plans and a programme');
  const all = partners();
  for await (const _ of operator.stream('/partners/batch', all.map((partner) => JSON.stringify(partner)).join('\n'), {
    'content-type': 'application/x-ndjson',
  }));
  for (const name of ['resellers-us.yaml', 'direct-us.yaml']) {
    const draft = await designer.postText<PlanVersion>('/plans', document(name), 'application/yaml');
    const path = versionPath(draft.plan, String(draft.version));
    await approver.post(`${path}/approve`);
    await approver.post(`${path}/publish`, { effectiveFrom: '2014-01-01' });
  }
  await designer.post('/programmes', JSON.parse(document('volume-bonus-us.json')));
  print(
    `   ${all.length} partners of five channel types, two levels of distributors above the sellers; 2 plans (drafted by one, approved by another), 1 programme`,
  );

  print(
    '\n2. The sales file: an order is a deal, a row is a line (Sales has up to four decimals: rounded half-up, the original kept)',
  );
  print(`   ${importSummary(await importBody(source, await fileBody(SUPERSTORE_CSV), 'csv', mapping()))}`);
  print('   Returns, derived: every 25th order whole, of every 40th the first row, 20 days later');
  print(
    `   ${importSummary(
      await importBody(
        source,
        returns()
          .map((fact) => JSON.stringify(fact))
          .join('\n'),
        'ndjson',
      ),
    )}`,
  );
  await settled(operator, 'calculate');

  print('\n3. Close every month, approve the statements');
  const months = periods();
  const progress = startProgress('close', months.length, 'months');
  for (const [index, period] of months.entries()) {
    await closePeriod(operator, CALENDAR, period);
    await approver.post('/statements/approve', { calendar: CALENDAR, period });
    progress.update(index + 1);
  }
  progress.stop();
  await settled(operator, 'pay');
  const statements = await Array.fromAsync(finance.all<StatementIssued>('/statements'));
  const payouts = await Array.fromAsync(finance.all<PayoutDue>('/payouts'));
  print(`   ${statements.length} statements, ${payouts.length} payouts`);

  const last = months.at(-2) ?? '';
  print(`\n4. The statements of ${last}`);
  print(statementTable(statements.filter(({ period }) => period === last)));

  const shown =
    statements.find(({ period, payee }) => period === last && payee === 'seller-california') ?? statements[0];
  if (!shown) throw new Error('no statement was issued');
  print(`\n5. One cent explained: the first line of ${shown.id}`);
  const { lines } = JSON.parse(await finance.text(`/statements/${encodeURIComponent(shown.id)}/document`));
  print(lineTable(lines.slice(0, 1)));
  print((await explainLine(operator, shown.id, 1)).text.map((sentence) => `   ${sentence}`).join('\n'));
}

async function replay(config: EventStoreConfig): Promise<void> {
  print('\n6. Replay: every event re-hashed, every decision re-decided from its journalled input');
  const result = await verifyConfigured(config);
  print(
    verificationText(result)
      .map((sentence) => `   ${sentence}`)
      .join('\n'),
  );
  if (result.differences.length > 0) process.exitCode = 1;
}
