/**
 * `npm run simulate:planted`: plants each bug in the built code of a process of its own, and looks whether the
 * simulation finds it at its recorded seed. `-- --search` looks for a seed, and records it.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { transformFileSync } from '@swc/core';
import { printFigures } from '@tantieme/commission-engine/bench/figures';

import { PLANTED_BUGS } from './bugs.js';
import type { PlantedBug } from './bugs.js';

const { values: options } = parseArgs({
  options: {
    /** Only bugs whose names match this expression. */
    only: { type: 'string', default: '' },
    search: { type: 'boolean', default: false },
    /** A search ends after so many seeds. */
    seeds: { type: 'string', default: '1000' },
    /** Processes at the same time: as many as there are cores by default. */
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

/**
 * Any change of the code gives every seed another history. A recorded seed that no longer finds its bug is followed by
 * the next ones, so that only a bug that is hard to find has to be recorded again.
 */
const NEXT_SEEDS = 20;

/** A run with a bug may never come to its end by itself. */
const TIMEOUT_MS = 30 * 60_000;

const ROOT = resolve(fileURLToPath(import.meta.url), '../../../../../..');
const SEEDS_FILE = join(ROOT, 'services/all-in-one/src/simulation/planted/seeds.json');
const SIMULATE = fileURLToPath(new URL('../simulate.js', import.meta.url));
const HOOK = new URL('planted-hook.js', import.meta.url).href;

interface Result {
  /** Undefined if no run went wrong. */
  readonly seed: number | undefined;
  readonly output: string;
}

const directory = mkdtempSync(join(tmpdir(), 'tantieme-planted-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const seeds = existsSync(SEEDS_FILE) ? (JSON.parse(readFileSync(SEEDS_FILE, 'utf8')) as Record<string, number>) : {};
const bugs = PLANTED_BUGS.filter(({ name }) => new RegExp(options.only).test(name));
// All of them first: a bug whose text is gone is a mistake of this list.
const mutated = new Map(bugs.map((bug, index) => [bug.name, plant(bug, index)]));
await run(undefined, ['--seeds', '0']);

let found = 0;
const left = [...bugs];
await Promise.all(
  Array.from({ length: Number(options.jobs) }, async () => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const { seed, output } = await tried(bug);
      if (seed !== undefined) found += 1;
      if (seed === undefined || options.verbose)
        process.stderr.write(`${bug.name}: ${seed === undefined ? 'not found' : `seed ${seed}`}\n${output}`);
      if (!options.search) continue;
      if (seed === undefined) delete seeds[bug.name];
      else seeds[bug.name] = seed;
      writeFileSync(SEEDS_FILE, `${JSON.stringify(seeds, Object.keys(seeds).toSorted(), 2)}\n`);
    }
  }),
);

printFigures({ planted: bugs.length, found }, options.json);
process.exit(found === bugs.length ? 0 : 1);

async function tried({ name }: PlantedBug): Promise<Result> {
  const bug = mutated.get(name);
  if (options.search) return run(bug, ['--seeds', options.seeds]);
  const seed = seeds[name];
  if (seed === undefined) return { seed, output: 'it has no recorded seed: run with --search\n' };
  const result = await run(bug, ['--seeds', String(NEXT_SEEDS), '--from', String(seed)]);
  if (result.seed !== undefined && result.seed !== seed)
    process.stderr.write(`${name}: found at seed ${result.seed} instead of ${seed}; record it with --search\n`);
  return result;
}

/** Runs the simulation with a bug, up to the first seed that finds it. */
function run(bug: string | undefined, seedsOptions: readonly string[]): Promise<Result> {
  const baseline = join(directory, 'baseline.json');
  const args = [
    SIMULATE,
    '--json',
    '--jobs',
    '1',
    '--until-found',
    '--same-trace',
    '0',
    '--baseline',
    baseline,
    ...seedsOptions,
  ];
  const environment = bug === undefined ? process.env : { ...process.env, PLANTED_BUG: bug };
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      bug === undefined ? args : ['--import', HOOK, ...args],
      { cwd: ROOT, env: environment, timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        const figures = /^\{.*\}$/m.exec(stdout)?.[0];
        if (figures === undefined) {
          // What ends the whole process is no finding: the simulation has to say what is wrong.
          if (bug === undefined) fail(new Error(stderr));
          else done({ seed: undefined, output: `the simulation ended without figures\n${stderr}` });
          return;
        }
        const { seeds: count, violations } = JSON.parse(figures) as { seeds: number; violations: number };
        const from = Number(seedsOptions[seedsOptions.indexOf('--from') + 1 || -1] ?? 0);
        done({ seed: violations > 0 ? from + count - 1 : undefined, output: stderr });
      },
    );
  });
}

/** Compiles the file of a bug as the build does, with the bug. @returns the file for the hook */
function plant({ name, file, text, replacement }: PlantedBug, index: number): string {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const count = source.split(text).length - 1;
  if (count !== 1) throw new Error(`${name}: its text occurs ${count} times in ${file}, and must occur once`);
  const place = join(directory, `${index}.ts`);
  writeFileSync(
    place,
    source.replace(text, () => replacement),
  );
  const { code } = transformFileSync(place, { configFile: join(ROOT, '.swcrc'), sourceMaps: false });
  const path = join(ROOT, file.replace('/src/', '/dist/').replace(/\.ts$/, '.js'));
  if (!existsSync(path)) throw new Error(`${name}: ${path} is not built`);
  const mutation = join(directory, `${index}.json`);
  writeFileSync(mutation, JSON.stringify({ path, code }));
  return mutation;
}
