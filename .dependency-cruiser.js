/** No file and no folder imports itself by way of others. Types count too: a reader follows them as well. */
export default {
  forbidden: [
    { name: 'no-import-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-folder-circle',
      comment: 'Folders are the stages of the work: a later stage imports an earlier one, never the reverse.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|testing)/|\\.(spec|fixture)\\.ts$' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'default'] },
  },
};
