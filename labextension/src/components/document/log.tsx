import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, downloadIcon, searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ILine, LogLines } from '../../model/log';
import { IconButton } from '../buttons';

/** The height of a line, as in the style sheet. */
const LINE_HEIGHT_PX = 18;

/** How many lines are rendered above and below the visible ones. */
const OVERSCAN_LINES = 12;

/** The keys that scroll up. */
const UPWARD_KEYS = ['ArrowUp', 'PageUp', 'Home'];

/**
 * A log, of which only the visible lines are in the page.
 *
 * It follows its end until the user scrolls up, and again after they scroll to the end.
 */
export function LogView(props: {
  log: LogLines;
  revision: number;
  trans: TranslationBundle;
  onCopy: (text: string) => void;
  onDownload: () => void;
}): JSX.Element {
  const { log, revision, trans } = props;
  const [query, setQuery] = React.useState('');
  const found = useFound(log, query, revision);
  const [current, setCurrent] = React.useState(0);
  const view = useWindow(log, revision);
  const go = (step: number) => {
    const next = (current + step + found.length) % Math.max(1, found.length);
    setCurrent(next);
    if (found[next] !== undefined) {
      view.show(found[next]);
    }
  };
  return (
    <div className="jp-wasmwheel-log">
      <div className="jp-wasmwheel-log-bar" role="toolbar" aria-label={trans.__('Log')}>
        <LogSearch
          trans={trans}
          query={query}
          place={found.length ? Math.min(current, found.length - 1) + 1 : 0}
          count={found.length}
          onQuery={text => {
            setQuery(text);
            setCurrent(0);
          }}
          onStep={go}
        />
        <span className="jp-wasmwheel-grow" />
        <label className="jp-wasmwheel-check">
          <input
            type="checkbox"
            checked={view.following}
            onChange={event => view.follow(event.currentTarget.checked)}
          />
          {trans.__('Follow')}
        </label>
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy Log')}
          onClick={() => props.onCopy(log.text())}
        />
        <IconButton
          icon={downloadIcon}
          label={trans.__('Download Log')}
          onClick={props.onDownload}
        />
      </div>
      {log.dropped > 0 && (
        <div className="jp-wasmwheel-log-dropped">
          {trans._n(
            '%2 earlier line is not shown. Download the log to see it.',
            '%2 earlier lines are not shown. Download the log to see them.',
            log.dropped,
            log.dropped.toLocaleString()
          )}
        </div>
      )}
      <div
        className="jp-wasmwheel-log-lines"
        ref={view.ref}
        onScroll={view.onScroll}
        onWheel={event => event.deltaY < 0 && view.stopFollowing()}
        onKeyDown={event => UPWARD_KEYS.includes(event.key) && view.stopFollowing()}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={trans.__('Build output')}
      >
        <div style={{ height: log.length * LINE_HEIGHT_PX }}>
          <div style={{ transform: `translateY(${view.first * LINE_HEIGHT_PX}px)` }}>
            {log.slice(view.first, view.last).map((line, index) => (
              <Line
                key={log.dropped + view.first + index}
                line={line}
                query={query}
                current={found[current] === view.first + index}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function LogSearch(props: {
  trans: TranslationBundle;
  query: string;
  place: number;
  count: number;
  onQuery: (text: string) => void;
  onStep: (step: number) => void;
}): JSX.Element {
  const { trans, query, place, count } = props;
  return (
    <div className="jp-wasmwheel-search">
      <searchIcon.react tag="span" className="jp-wasmwheel-icon" />
      <input
        type="search"
        className="jp-wasmwheel-search-input"
        placeholder={trans.__('Search the log')}
        aria-label={trans.__('Search the log')}
        value={query}
        onChange={event => props.onQuery(event.currentTarget.value)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            props.onStep(event.shiftKey ? -1 : 1);
          }
        }}
      />
      <span className="jp-wasmwheel-search-count" role="status">
        {query && trans.__('%1 of %2', place, count)}
      </span>
    </div>
  );
}

/** A line, with the search results highlighted. */
const Line = React.memo(function Line(props: {
  line: ILine;
  query: string;
  current: boolean;
}): JSX.Element {
  const { line, query, current } = props;
  return (
    <div
      className="jp-wasmwheel-log-line"
      data-kind={line.stream}
      data-current={current || undefined}
    >
      {query ? highlight(line.text, query) : line.text || '\u00a0'}
    </div>
  );
});

function highlight(text: string, query: string): React.ReactNode[] {
  const parts: React.ReactNode[] = [];
  const lower = text.toLowerCase();
  const wanted = query.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at));
    from = at + wanted.length;
    parts.push(<mark key={at}>{text.slice(at, from)}</mark>);
  }
  parts.push(text.slice(from));
  return parts;
}

/** Return the indices of the lines with a text; only new lines are searched when the log grows. */
function useFound(log: LogLines, query: string, revision: number): number[] {
  const last = React.useRef({ query: '', searched: 0, dropped: 0, found: [] as number[] });
  return React.useMemo(() => {
    const before = last.current;
    const gone = log.dropped - before.dropped;
    const same = query === before.query && gone >= 0 && before.searched - gone <= log.length;
    const kept = same ? before.found.map(at => at - gone).filter(at => at >= 0) : [];
    const from = same ? Math.max(0, before.searched - gone) : 0;
    const found = query ? kept.concat(log.find(query, from)) : [];
    last.current = { query, searched: log.length, dropped: log.dropped, found };
    return found;
  }, [log, query, revision]);
}

/** Return the visible part of the log, and whether it follows the end. */
function useWindow(log: LogLines, revision: number) {
  const ref = React.useRef<HTMLDivElement>(null);
  const [top, setTop] = React.useState(0);
  const [height, setHeight] = React.useState(600);
  const [following, setFollowing] = React.useState(true);
  const lastTop = React.useRef(0);
  const lastDropped = React.useRef(0);

  React.useEffect(() => {
    const node = ref.current!;
    const observer = new ResizeObserver(() => setHeight(node.clientHeight));
    observer.observe(node);
    return () => observer.disconnect();
  }, []);

  React.useLayoutEffect(() => {
    const node = ref.current!;
    const gone = log.dropped - lastDropped.current;
    lastDropped.current = log.dropped;
    if (following) {
      node.scrollTop = node.scrollHeight;
    } else if (gone > 0) {
      node.scrollTop -= gone * LINE_HEIGHT_PX;
    }
  }, [log, revision, following, height]);

  const onScroll = () => {
    const node = ref.current!;
    const atEnd = node.scrollTop + node.clientHeight >= node.scrollHeight - LINE_HEIGHT_PX;
    const isUpward = node.scrollTop < lastTop.current;
    if (atEnd !== isUpward) {
      setFollowing(atEnd);
    }
    lastTop.current = node.scrollTop;
    setTop(node.scrollTop);
  };
  // A scroll event would be too late: new lines scroll to the end before it.
  const stopFollowing = () => {
    if (ref.current!.scrollTop > 0) {
      setFollowing(false);
    }
  };
  const show = (index: number) => {
    setFollowing(false);
    ref.current!.scrollTop = Math.max(0, index * LINE_HEIGHT_PX - ref.current!.clientHeight / 2);
  };
  const first = Math.max(
    0,
    Math.min(Math.floor(top / LINE_HEIGHT_PX) - OVERSCAN_LINES, log.length - OVERSCAN_LINES)
  );
  const last = Math.min(log.length, Math.ceil((top + height) / LINE_HEIGHT_PX) + OVERSCAN_LINES);
  return { ref, first, last, following, follow: setFollowing, stopFollowing, onScroll, show };
}
