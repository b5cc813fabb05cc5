import { Command } from 'commander';
import { approveCommand } from './plan/approve.js';
import { draftCommand } from './plan/draft.js';
import { endCommand } from './plan/end.js';
import { lintCommand } from './plan/lint.js';
import { listCommand } from './plan/list.js';
import { publishCommand } from './plan/publish.js';
import { testCommand } from './plan/test.js';

export function planCommand(): Command {
  return new Command('plan')
    .description('plan documents, and the life of their versions')
    .addCommand(lintCommand())
    .addCommand(testCommand())
    .addCommand(draftCommand())
    .addCommand(approveCommand())
    .addCommand(publishCommand())
    .addCommand(endCommand())
    .addCommand(listCommand());
}
