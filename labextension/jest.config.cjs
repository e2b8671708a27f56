const jestJupyterLab = require('@jupyterlab/testing/lib/jest-config');

// Modules of JupyterLab, and of what it is made of, come as ECMAScript modules.
const esModules = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@microsoft',
  '@rjsf',
  'exenv-es6',
  'lib0',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

const config = jestJupyterLab(__dirname);

module.exports = {
  ...config,
  reporters: ['default'],
  testEnvironment: '<rootDir>/jest.environment.cjs',
  testRegex: 'src/__tests__/.*\\.spec\\.tsx?$',
  // `jlpm check` checks the types.
  transform: {
    ...config.transform,
    '^.+\\.tsx?$': ['ts-jest/legacy', { tsconfig: 'tsconfig.test.json' }]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules})/).+`]
};
