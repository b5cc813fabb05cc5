/** One configuration for the whole workspace; `nx test <project>` narrows it to the project's own folder. */
export default {
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // The condition `import` below holds for `require` as well, and what pg requires is the class itself.
    '^pg-pool$': '<rootDir>/node_modules/pg-pool/index.js',
  },
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'import', 'default'] },
  testSequencer: '<rootDir>/jest.sequencer.js',
  setupFiles: ['<rootDir>/jest.seed.js'],
  testTimeout: 60_000,
  // As many as there are cores, and not one less: suites that drive processes wait for them most of the time.
  maxWorkers: '100%',
};
