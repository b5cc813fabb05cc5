/** Imports nothing, so that it runs before anything that an older Node.js cannot load. */

/** `node:sqlite` and `Temporal` without flags. */
const MAJOR_MIN = 26;

/** Ends the process with one line on standard error where Node.js is too old. */
export function requireNodeVersion(program: string, remedy: string): void {
  const [major] = process.versions.node.split('.');
  if (Number(major) >= MAJOR_MIN) return;
  process.stderr.write(`${program} needs Node.js ${MAJOR_MIN} or later, this is ${process.versions.node}: ${remedy}\n`);
  process.exit(1);
}
