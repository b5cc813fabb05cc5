/** The golden cases of the repository, run by the same code as `tantieme plan test`. */
import { describe, expect, it } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { caseFolders, readCaseFolder } from './case-folder.js';
import { compare } from './comparison.js';
import { calculateCase } from './golden-case.js';

const GOLDEN = fileURLToPath(new URL('../../../../libs/commission-engine/golden', import.meta.url));
const cases = caseFolders(GOLDEN).map((folder) => [folder.slice(GOLDEN.length + 1), folder]);

describe('golden cases', () => {
  it('number at least ten', () => expect(cases.length).toBeGreaterThanOrEqual(10));

  it.each(cases)('%s', (_, folder) => {
    const files = readCaseFolder(folder);
    expect(compare(files, calculateCase(files)).differences).toEqual([]);
  });
});
