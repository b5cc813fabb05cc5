import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** The table "Rooms, from the ground up" of the architecture page: who may import whom. */
const libs = {
  money: [],
  time: [],
  contracts: [],
  'commission-engine': ['money', 'time', 'contracts'],
  'event-store': [],
  messaging: ['contracts'],
  'event-sourcing': ['event-store', 'messaging', 'contracts'],
  audit: ['event-store'],
  'service-kit': ['event-sourcing', 'event-store', 'messaging', 'contracts'],
};
const rooms = {
  ...libs,
  service: Object.keys(libs),
  host: [...Object.keys(libs), 'service'],
  cli: [...Object.keys(libs), 'service', 'host'],
};

/** What makes a function depend on more than its arguments: rule 1 of the design, "facts in, facts out". */
const purity = {
  'no-restricted-globals': [
    'error',
    ...[
      'process',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'fetch',
      'performance',
      'crypto',
      'Intl',
      'console',
    ].map((name) => ({
      name,
      message: 'Pure code has no clock, randomness, locale, environment or I/O: take it as an argument.',
    })),
  ],
  'no-restricted-properties': [
    'error',
    ...[
      ['Date', 'now'],
      ['Math', 'random'],
      ['Temporal', 'Now'],
    ].map(([object, property]) => ({ object, property, message: 'Pure code has no clock and no randomness.' })),
    ...['toLocaleString', 'localeCompare', 'toLocaleUpperCase', 'toLocaleLowerCase'].map((property) => ({
      property,
      message: 'Pure code has no locale.',
    })),
  ],
  'no-restricted-syntax': [
    'error',
    {
      selector: 'NewExpression[callee.name="Date"]',
      message: 'Pure code has no clock; Temporal does calendar arithmetic.',
    },
    { selector: 'CallExpression[callee.name="Date"]', message: 'Pure code has no clock.' },
  ],
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        {
          group: [
            '@nestjs/*',
            'node:*',
            'fs',
            'os',
            'kysely',
            'fastify',
            'kafkajs',
            '@eventstore/*',
            'pino',
            'class-validator',
            'class-transformer',
            'reflect-metadata',
          ],
          message: 'Pure code imports no framework and does no I/O.',
        },
      ],
    },
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allowCircularSelfDependency: true,
          banTransitiveDependencies: true,
          depConstraints: Object.entries(rooms).map(([room, below]) => ({
            sourceTag: `room:${room}`,
            onlyDependOnLibsWithTags: below.map((name) => `room:${name}`),
          })),
        },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
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
    files: [
      'services/*/src/domain/**/*.ts',
      'libs/money/src/**/*.ts',
      'libs/time/src/**/*.ts',
      'libs/commission-engine/src/**/*.ts',
    ],
    ignores: ['**/*.spec.ts', '**/*.fixture.ts', '**/bench/**'],
    rules: purity,
  },
  { files: ['**/*.spec.ts', '**/contract-suite.ts'], rules: { 'max-lines': 'off' } },
);
