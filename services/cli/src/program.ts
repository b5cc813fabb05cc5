/** All commands of `tantieme`, in the order in which a newcomer needs them. */
import { readFileSync } from 'node:fs';
import tab from '@bomb.sh/tab/commander';
import { Command } from 'commander';
import { closeCommand, periodCommand, reopenCommand } from './commands/period.js';
import { dealCommand } from './commands/deal.js';
import { earningCommand } from './commands/earning.js';
import { explainCommand } from './commands/explain.js';
import { importCommand } from './commands/import.js';
import { parkedCommand } from './commands/parked.js';
import { partnerCommand } from './commands/partner.js';
import { balanceCommand, paymentCommand, payoutCommand } from './commands/payout.js';
import { pendingCommand } from './commands/pending.js';
import { planCommand } from './commands/plan.js';
import { bonusCommand, programmeCommand } from './commands/programme.js';
import { proposalCommand } from './commands/proposal.js';
import { quotaCommand } from './commands/quota.js';
import { rateCommand } from './commands/rate.js';
import { refusalCommand } from './commands/refusal.js';
import { statementCommand } from './commands/statement.js';
import { warningCommand } from './commands/warning.js';
import { demoCommand } from './demo/demo.js';
import { backupCommand, restoreCommand } from './operate/backup.js';
import { doctorCommand } from './operate/doctor.js';
import { profileCommand } from './operate/profile.js';
import { readModelCommand } from './operate/read-model.js';
import { rebuildCommand } from './operate/rebuild.js';
import { startCommand } from './operate/start.js';
import { tokenCommand } from './operate/token.js';
import { topicsCommand } from './operate/topics.js';
import { verifyCommand } from './operate/verify.js';
import { packageFile } from './package-file.js';

const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  readonly version: string;
};

export function createProgram(): Command {
  const program = new Command('tantieme')
    .description(
      'Commissions and incentives for channel sales: every payout can be replayed to the cent and to the byte.',
    )
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError('(--help explains the command)')
    .configureHelp({ showGlobalOptions: true })
    .commandsGroup('Start:')
    .addCommand(startCommand())
    .addCommand(demoCommand())
    .addCommand(doctorCommand())
    .addCommand(profileCommand())
    .addCommand(tokenCommand())
    .commandsGroup('Partners and plans:')
    .addCommand(partnerCommand())
    .addCommand(planCommand())
    .addCommand(programmeCommand())
    .addCommand(quotaCommand())
    .addCommand(rateCommand())
    .commandsGroup('Deals:')
    .addCommand(importCommand())
    .addCommand(dealCommand())
    .addCommand(refusalCommand())
    .addCommand(parkedCommand())
    .addCommand(pendingCommand())
    .addCommand(warningCommand())
    .addCommand(earningCommand())
    .commandsGroup('Statements and payouts:')
    .addCommand(closeCommand())
    .addCommand(reopenCommand())
    .addCommand(periodCommand())
    .addCommand(proposalCommand())
    .addCommand(statementCommand())
    .addCommand(explainCommand())
    .addCommand(payoutCommand())
    .addCommand(paymentCommand())
    .addCommand(balanceCommand())
    .addCommand(bonusCommand())
    .commandsGroup('Operations:')
    .addCommand(verifyCommand())
    .addCommand(backupCommand())
    .addCommand(restoreCommand())
    .addCommand(rebuildCommand())
    .addCommand(readModelCommand())
    .addCommand(topicsCommand());
  // Adds `tantieme complete SHELL`, whose output a shell sources.
  tab(program);
  return program;
}
