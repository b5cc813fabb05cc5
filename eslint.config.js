import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Floors of the architecture page, from the ground up: a project imports from floors below its own. */
const floors = [1, 2, 3, 4, 5, 6, 7];

/**
 * What a name's kind tells about a file: `deal.consumer.ts` stands at the rim and meets the world. A file of a service without such a kind
 * is pure: it decides, evolves or calculates.
 */
const RIM = [
  'controller',
  'dto',
  'commands',
  'queries',
  'tables',
  'projection',
  'consumer',
  'events-out',
  'process',
  'service',
  'module',
];
/** Files of a whole service that stand at the rim without such a kind. */
const RIM_FILES = ['main', 'events-out', 'replayables', 'migrations'];

const pureFiles = [
  'libs/{money,time,commission-engine}/src/**/*.ts',
  'libs/tabular/src/{cell,date-format,file-format,number-format,object-reader,record-mapping,tabular-error}.ts',
  'services/{partner-registry,deal-ingestion,commission-calculation,rewards,payouts}/src/**/*.ts',
];
const notPure = [
  'libs/time/src/timers.ts',
  '**/*.spec.ts',
  '**/*.fixture.ts',
  '**/bench/**',
  '**/testing/**',
  '**/migrations/**',
  `**/*.{${RIM}}.ts`,
  `services/*/src/{${RIM_FILES}}.ts`,
];

/** All that a pure file may import. */
const pureImports = [
  // Other pure files of the project.
  `\\.{1,2}/(?!.*\\.(?:${RIM.join('|')})\\.js$)(?!(?:.*/)?(?:${RIM_FILES.join('|')})\\.js$)[\\w./-]+\\.js$`,
  '@tantieme/(?:money|time|contracts|commission-engine)/',
  '@tantieme/tabular/(?:cell|date-format|file-format|number-format|object-reader|record-mapping|tabular-error)$',
  '@tantieme/event-sourcing/decide/(?:books|decider|engine-versions|name-set|partial-state)$',
  '@tantieme/event-store/(?:canonical-json|sha256)$',
  // What the plan document is read with.
  '@marcbachmann/cel-js$',
  'ajv/dist/2020\\.js$',
  'yaml$',
];

/** Stored events are read through the upcasters of their types, never as raw JSON. */
const storedText = {
  selector: 'Identifier[name=/^(dataText|metadataText)$/]',
  message: 'Read stored events through @tantieme/event-sourcing/decide/upcasting (ADR 23).',
};
/** Where the text itself is needed: to measure, hash or compare it. */
const parsedStoredText = {
  selector:
    'CallExpression[callee.object.name="JSON"][callee.property.name="parse"]:has(Identifier[name=/^(dataText|metadataText)$/])',
  message: storedText.message,
};

/** What makes a function depend on more than its arguments: rule 1 of the design, "facts in, facts out". */
const purity = {
  // Only what the language itself has: no process, no timers, no fetch, no console.
  'no-undef': 'error',
  'no-restricted-globals': [
    'error',
    ...['Date', 'Intl', 'globalThis', 'eval', 'Function', 'WeakRef', 'FinalizationRegistry'].map((name) => ({
      name,
      message: 'Pure code has no clock, locale or environment: take what you need as an argument.',
    })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: 'Pure code has no randomness.' },
    { object: 'Temporal', property: 'Now', message: 'Pure code has no clock.' },
    ...['toLocaleString', 'localeCompare', 'toLocaleUpperCase', 'toLocaleLowerCase'].map((property) => ({
      property,
      message: 'Pure code has no locale.',
    })),
  ],
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        {
          regex: `^(?!${pureImports.join('|')})`,
          message: 'Not in the list of what pure code may import (eslint.config.js).',
        },
      ],
    },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'ImportExpression', message: 'Pure code imports at the top of the file.' },
    storedText,
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/bundle/**', '**/node_modules/**', '.nx/**', 'libs/api-client/src/schema.d.ts'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allowCircularSelfDependency: true,
          banTransitiveDependencies: true,
          depConstraints: floors.map((floor) => ({
            sourceTag: `floor:${floor}`,
            onlyDependOnLibsWithTags: floors.filter((below) => below < floor).map((below) => `floor:${below}`),
          })),
        },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // An async method without await is how a class keeps the promise of its interface.
      '@typescript-eslint/require-await': 'off',
      'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: ['libs/messaging/src/kafka/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { name: 'kafkajs', message: 'kafkajs lives in libs/messaging/src/kafka alone (ADR 9).' },
      ],
    },
  },
  {
    files: ['libs/**/*.ts', 'services/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/bench/**', 'libs/event-store/**', 'libs/event-sourcing/src/decide/upcasting.ts'],
    rules: { 'no-restricted-syntax': ['error', storedText] },
  },
  {
    files: ['libs/{audit,event-sourcing,simulation}/src/**/*.ts'],
    ignores: ['**/*.spec.ts', 'libs/event-sourcing/src/decide/upcasting.ts'],
    rules: { 'no-restricted-syntax': ['error', parsedStoredText] },
  },
  {
    // What the scheduler runs takes its clock, its waiting and its randomness from a `Timers` (ADR 19).
    files: [
      'libs/event-sourcing/src/**/*.ts',
      'libs/messaging/src/embedded/**/*.ts',
      'services/*/src/**/*.{process,consumer,events-out,projection,service}.ts',
    ],
    // A database waits for its own lock, as a query does.
    ignores: ['**/*.spec.ts', '**/*.fixture.ts', 'libs/event-sourcing/src/read-model/database.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval'].map((name) => ({ name, message: 'Wait through a Timers that is passed in.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take the time from a Timers that is passed in.' },
        { object: 'Math', property: 'random', message: 'Take randomness from a Timers that is passed in.' },
      ],
      'no-restricted-imports': [
        'error',
        { name: 'kafkajs', message: 'kafkajs lives in libs/messaging/src/kafka alone (ADR 9).' },
        { name: 'node:timers/promises', message: 'Wait through a Timers that is passed in.' },
      ],
    },
  },
  {
    files: pureFiles,
    ignores: notPure,
    languageOptions: { globals: { TextEncoder: 'readonly' } },
    rules: purity,
  },
  { files: ['**/*.spec.ts', '**/contract-suite.ts'], rules: { 'max-lines': 'off' } },
);
