// The imports in src/: no cycles, those for types included, and one direction between the folders.
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'models-show-nothing',
      severity: 'error',
      from: { path: '^src/model/' },
      to: { path: '^src/(components|widgets)/' }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' }
  }
};
