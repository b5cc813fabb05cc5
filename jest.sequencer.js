import jestTestSequencer from '@jest/test-sequencer';

/** A CommonJS module: what is imported is the class, or holds it. */
const TestSequencer = jestTestSequencer.default ?? jestTestSequencer;

/** Suites that drive whole processes take minutes, and their files are short: Jest, which knows no more of a fresh clone than sizes, would begin them last. */
const DRIVES_PROCESSES = /\/services\/(all-in-one|cli)\/|\/kafka\//;

/** Those first, so that none of them runs alone at the end while the other cores are idle. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isLong = ({ path }) => DRIVES_PROCESSES.test(path);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
