/** Golden cases on disk: a folder with the files of a case, or a folder of such folders at any depth. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CASE_FILE } from './golden-case.js';
import type { CaseFiles } from './golden-case.js';

/**
 * The folder itself if it has a `deals.csv`, otherwise the cases below it, by name.
 * @throws if there is no such folder
 */
export function caseFolders(folder: string): readonly string[] {
  if (existsSync(join(folder, 'deals.csv'))) return [folder];
  if (!existsSync(folder))
    throw new Error(`${folder}: there is no such folder; name a golden case or a folder of cases`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => caseFolders(join(folder, name)));
}

export function readCaseFolder(folder: string): CaseFiles {
  const names = readdirSync(folder).filter((name) => CASE_FILE.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

export function writeCaseFiles(folder: string, files: CaseFiles): void {
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
}
