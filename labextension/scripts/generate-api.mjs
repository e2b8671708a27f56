/**
 * Writes src/api.ts from the contract's JSON Schema: its types, and what forms show of its requests.
 *
 * With `--check`, it fails if the file is stale instead.
 */

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import { compile } from 'json-schema-to-typescript';
import { format, resolveConfig } from 'prettier';

const SCHEMA = new URL('../../jupyter_wasmwheel/api/schema.json', import.meta.url);
const API = new URL('../src/api.ts', import.meta.url);

const source = await readFile(SCHEMA);
const definitions = JSON.parse(source, openObjects).$defs;

/** Allow any properties in an object that declares none. */
function openObjects(_, value) {
  const isOpen = value?.type === 'object' && !value.properties;
  return isOpen ? { additionalProperties: true, ...value } : value;
}

/** Return a schema without the titles of its properties, each of which would become a type. */
function withoutTitles(schema) {
  const properties = { ...schema.properties };
  for (const name of Object.keys(properties)) {
    properties[name] = { ...properties[name], title: undefined };
  }
  return schema.properties ? { ...schema, properties } : schema;
}

/** Return what a form needs of a request's field. */
function field(property) {
  const { title, description, default: initial, enum: choices = property.items?.enum } = property;
  return {
    title,
    description,
    type: property.type ?? (property.anyOf ?? [{ type: 'string' }])[0].type,
    choices,
    default: initial,
    flags: property['x-flags'],
    placeholder: property['x-placeholder']
  };
}

const root = {
  title: 'Root',
  $defs: Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, withoutTitles(definition)])
  )
};
const compiled = await compile(root, 'Root', {
  additionalProperties: false,
  bannerComment: '',
  format: false,
  ignoreMinAndMaxItems: true,
  unreachableDefinitions: true
});
const types = compiled
  .replace(/export interface Root \{[^}]*\}\n/, '')
  .replace(/\n \* This interface was referenced by .*\n \* via the .*/g, '')
  .replace(/\n +\* @(max|min)Items .*/g, '')
  .replace(/\n *\* *(?=\n *\*\/)/g, '')
  .replace(/\/\*\*\s*\*\/\n/g, '')
  // A client can set an optional property to undefined.
  .replace(/^( *\w+\?: .+)$/gm, '$1 | undefined');

const requests = {};
for (const [name, { properties }] of Object.entries(definitions)) {
  if (name.endsWith('Request') && properties) {
    const fields = Object.entries(properties).filter(([key]) => key !== 'kind');
    requests[name] = Object.fromEntries(fields.map(([key, property]) => [key, field(property)]));
  }
}

const text = await format(
  `/**
 * The contract: requests, jobs, events, reports, errors and answers.
 *
 * Generated from jupyter_wasmwheel/api/schema.json by scripts/generate-api.mjs; do not edit.
 * schema.json sha256: ${createHash('sha256').update(source).digest('hex')}
 */

/* eslint-disable */

${types}

/** What a form shows of a request's field; a field without a title is not shown. */
export interface Field {
  title?: string;
  description?: string;
  type: 'string' | 'boolean' | 'number' | 'array';
  choices?: readonly string[];
  default?: string | boolean | number | readonly string[] | null;
  flags?: readonly string[];
  placeholder?: string;
}

/** The phases of a run, in their order. */
export const PHASES: readonly PhaseName[] = ${JSON.stringify(definitions.PhaseName.enum)};

/** The fields of each kind of request. */
export const FIELDS = ${JSON.stringify(requests)} satisfies Record<string, Record<string, Field>>;
`,
  { ...(await resolveConfig(API)), parser: 'typescript' }
);

if (!process.argv.includes('--check')) {
  await writeFile(API, text);
} else if ((await readFile(API, 'utf8')) !== text) {
  console.error('src/api.ts is stale: run `jlpm build:api`.');
  process.exitCode = 1;
}
