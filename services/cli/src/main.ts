/** Runs the `tantieme` command. */
import { createProgram } from './program.js';
import { errorText } from './server/client.js';

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`tantieme: ${errorText(error)}\n`);
  process.exitCode = 1;
}
