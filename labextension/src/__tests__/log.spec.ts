import { MAX_LINES, LogLines } from '../model/log';

test('appends a text of several lines as lines', () => {
  const log = new LogLines();
  log.append('stderr', 'Compiling hello\nsecond');
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
  const extra = Math.floor(MAX_LINES / 4) + 2;
  for (let index = 0; index < MAX_LINES + extra; index += 1) {
    log.append('stdout', `line ${index}`);
  }
  expect(log.length).toBe(MAX_LINES);
  expect(log.dropped).toBe(extra);
  expect(log.at(0)?.text).toBe(`line ${extra}`);
  expect(log.at(MAX_LINES - 1)?.text).toBe(`line ${MAX_LINES + extra - 1}`);
  expect(log.at(MAX_LINES)).toBeUndefined();
});
