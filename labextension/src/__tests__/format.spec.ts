import { nullTranslator } from '@jupyterlab/translation';

import { formatAge, formatClock, formatDuration, formatSize } from '../format';

const trans = nullTranslator.load('jupyter_wasmwheel');

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [58_400, '58 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [1_440_000, '1.4 MB'],
  [12_600_000, '13 MB']
])('%d bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  [-1, '0:00'],
  [6.9, '0:06'],
  [760, '12:40'],
  [3_600, '1:00:00'],
  [3_723, '1:02:03']
])('a clock shows %d seconds as %s', (seconds, text) => {
  expect(formatClock(seconds)).toBe(text);
});

test.each([
  [0.04, '0 s'],
  [0.44, '0.4 s'],
  [9.94, '9.9 s'],
  [9.95, '10 s'],
  [59.4, '59 s'],
  [59.6, '1 min'],
  [185, '3 min 5 s'],
  [3_600, '1 h 0 min'],
  [7_380, '2 h 3 min']
])('a duration of %d seconds is %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each([
  [-3, 'just now'],
  [5, '5 s ago'],
  [119, '1 min ago'],
  [7_200, '2 h ago'],
  [47 * 3600, '47 h ago'],
  [49 * 3600, '2 days ago']
])('an age of %d seconds is %s', (seconds, text) => {
  expect(formatAge(seconds, trans)).toBe(text);
});
