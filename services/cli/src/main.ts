/** Runs the `tantieme` command. */
import { createProgram } from './program.js';
import { errorText } from './server/client.js';

/** `tantieme deal list | head` closes the pipe early: there is nothing left to do then. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`tantieme: ${errorText(error)}\n`);
  process.exitCode = 1;
}
