const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const jestJupyterLab = require('@jupyterlab/testing/lib/jest-config');

// JupyterLab and its dependencies are ECMAScript modules.
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

// The reducer in Python is tested against the same files.
const FIXTURES = join(__dirname, '../tests/fixtures/reducer');
const fixtures = readdirSync(FIXTURES).map(name =>
  JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'))
);

const config = jestJupyterLab(__dirname);

module.exports = {
  ...config,
  globals: { ...config.globals, REDUCER_FIXTURES: fixtures },
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
