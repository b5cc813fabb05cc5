#!/usr/bin/env node
/** The `tantieme` command. */
import { Command } from 'commander';
import { demoCommand } from './commands/demo.js';
import { explainCommand } from './commands/explain.js';
import { importCommand } from './commands/import.js';
import { planCommand } from './commands/plan.js';
import { readModelCommand } from './commands/read-model.js';
import { startCommand } from './commands/start.js';
import { statementCommand } from './commands/statement.js';
import { tokenCommand } from './commands/token.js';
import { topicsCommand } from './commands/topics.js';
import { verifyCommand } from './commands/verify.js';

const program = new Command('tantieme')
  .description(
    'Commissions and incentives for channel sales: every payout can be replayed to the cent and to the byte.',
  )
  .addCommand(startCommand())
  .addCommand(demoCommand())
  .addCommand(importCommand())
  .addCommand(planCommand())
  .addCommand(statementCommand())
  .addCommand(explainCommand())
  .addCommand(verifyCommand())
  .addCommand(readModelCommand())
  .addCommand(tokenCommand())
  .addCommand(topicsCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`tantieme: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
