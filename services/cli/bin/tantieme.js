#!/usr/bin/env node
/** Entry of the `tantieme` command: checks what it needs before it loads anything that an older Node cannot read. */
import { existsSync } from 'node:fs';
import module from 'node:module';

const NODE_MAJOR_MIN = 26;
const [built, bundled] = ['../dist/main.js', '../bundle/main.js'].map((path) => new URL(path, import.meta.url));
const program = existsSync(bundled) ? bundled : built;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `tantieme: needs Node ${NODE_MAJOR_MIN} or newer, this is ${process.version}. ` +
      'The project brings its own: use "npm start", "npx tantieme" or "npm run tantieme -- …" in its folder.\n',
  );
  process.exitCode = 1;
} else if (!existsSync(program)) {
  process.stderr.write('tantieme: not built yet; run "npm run build" in the project\'s folder first.\n');
  process.exitCode = 1;
} else {
  // Compiled code is kept between starts, also that of worker threads, which inherit the variable.
  const { directory } = module.enableCompileCache();
  if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
  await import(program.href);
}
