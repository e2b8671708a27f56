import type * as api from '../api';
import { apply } from '../model/apply';
import type { RunEvent } from '../model/job';

/** What jest.config.cjs reads of tests/fixtures/reducer/. */
declare const REDUCER_FIXTURES: {
  about: string;
  job: api.Job;
  events: RunEvent[];
  expected: api.Job;
}[];

test('there are fixtures', () => {
  expect(REDUCER_FIXTURES.length).toBeGreaterThanOrEqual(10);
});

test.each(REDUCER_FIXTURES.map(fixture => [fixture.about, fixture] as const))(
  '%s',
  (_, fixture) => {
    const before = JSON.stringify(fixture.job);
    expect(fixture.events.reduce(apply, fixture.job)).toEqual(fixture.expected);
    expect(JSON.stringify(fixture.job)).toBe(before);
  }
);
