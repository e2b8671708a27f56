import type * as api from '../api';
import { type Field, FIELDS } from '../api';
import { applyChanges, OPTIONS, RequestModel } from '../model/request';

let model: RequestModel;

beforeEach(() => void (model = new RequestModel()));

test('what is not changed is not in the request', () => {
  expect(model.toBuildRequest('hello', null)).toEqual({
    kind: 'build',
    source: 'hello',
    profile: 'draft'
  });
});

test('every field with a title is an option, and reaches the request', () => {
  const titled = Object.entries<Field>(FIELDS.BuildRequest)
    .filter(([, field]) => field.title)
    .map(([name]) => name);
  expect(OPTIONS.map(([name]) => name)).toEqual(titled);
  for (const [name, field] of OPTIONS) {
    const value = field.type === 'boolean' ? true : (field.choices?.[1] ?? 'x');
    model.setOption(name, value);
    const expected = field.type === 'array' ? [value] : value;
    expect(model.toBuildRequest('hello', 'site')).toMatchObject({ [name]: expected });
  }
});

test.each([
  ['features', 'a,b  c, ', ['a', 'b', 'c']],
  ['cargo_args', ' --cfg a,b -v ', ['--cfg', 'a,b', '-v']],
  ['recipe', ' mine.toml ', 'mine.toml']
])('%s: %p', (name, text, expected) => {
  model.setOption(name, text);
  expect(model.toBuildRequest('hello', null)).toMatchObject({ [name]: expected });
});

test.each([
  ['features', ' , '],
  ['cargo_args', '  '],
  ['recipe', '']
])('an empty %s is not in the request', (name, text) => {
  model.setOption(name, text);
  expect(model.toBuildRequest('hello', null)).not.toHaveProperty(name);
});

test('a preview of the edits has only what edits depend on', () => {
  model.setOption('make_optional', 'numpy');
  model.setOption('recipe', 'none');
  model.setOption('offline', true);
  const expected = { source: 'hello', make_optional: ['numpy'], recipe: 'none' };
  expect(model.toEditsRequest('hello')).toEqual(expected);
});

test('changes append to lists and replace all others', () => {
  const request: api.PostedRequest = {
    kind: 'build',
    source: 'hello',
    linker: 'emcc',
    make_optional: ['numpy']
  };
  const changes = { linker: 'auto', make_optional: ['torch'], features: ['a'], offline: false };
  expect(applyChanges(request, changes)).toEqual({
    kind: 'build',
    source: 'hello',
    linker: 'auto',
    make_optional: ['numpy', 'torch'],
    features: ['a'],
    offline: false
  });
  expect(request.make_optional).toEqual(['numpy']);
});
