// The imports in src/: no cycles, not even for types, and no imports of components by models.
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
