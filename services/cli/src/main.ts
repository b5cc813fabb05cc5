/** Runs the `tantieme` command. */
import { createProgram } from './program.js';

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`tantieme: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
