import { KEPT, LogLines } from '../model/log';

test('appends a text of several lines as lines without escape sequences', () => {
  const log = new LogLines();
  log.append('stderr', '\x1b[1m\x1b[32mCompiling\x1b[0m hello\nsecond');
  log.append('note', '');
  expect(log.slice(0, 3)).toEqual([
    { stream: 'stderr', text: 'Compiling hello' },
    { stream: 'stderr', text: 'second' },
    { stream: 'note', text: '' }
  ]);
  expect(log.text()).toBe('Compiling hello\nsecond\n');
});

test('finds lines in any case, from a place on', () => {
  const log = new LogLines();
  log.append('stdout', 'An Error\nnothing\nerror again');
  expect(log.find('ERROR')).toEqual([0, 2]);
  expect(log.find('error', 1)).toEqual([2]);
  expect(log.find('absent')).toEqual([]);
});

test('drops the earliest lines and keeps counting from the first that is left', () => {
  const log = new LogLines();
  const extra = Math.floor(KEPT / 4) + 2;
  for (let index = 0; index < KEPT + extra; index += 1) {
    log.append('stdout', `line ${index}`);
  }
  expect(log.length).toBe(KEPT);
  expect(log.dropped).toBe(extra);
  expect(log.at(0)?.text).toBe(`line ${extra}`);
  expect(log.at(KEPT - 1)?.text).toBe(`line ${KEPT + extra - 1}`);
  expect(log.at(KEPT)).toBeUndefined();
  log.clear();
  expect([log.length, log.dropped]).toEqual([0, 0]);
});
