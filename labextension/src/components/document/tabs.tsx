import * as React from 'react';

/** A tab and its content. */
export interface ITab {
  id: string;
  label: string;
  count?: number;
  body: React.ReactNode;
}

/** Tabs with the keyboard support of the ARIA practices. */
export function Tabs(props: {
  label: string;
  tabs: ITab[];
  chosen: string;
  onChoose: (id: string) => void;
}): JSX.Element {
  const { tabs, chosen, onChoose } = props;
  const prefix = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const at = tabs.findIndex(tab => tab.id === chosen);
    const steps: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1 + tabs.length,
      Home: 0,
      End: tabs.length - 1
    };
    const next = steps[event.key];
    if (next !== undefined) {
      event.preventDefault();
      const index = next % tabs.length;
      onChoose(tabs[index]!.id);
      (list.current?.children[index] as HTMLElement).focus();
    }
  };
  return (
    <>
      <div
        className="jp-wasmwheel-tabs"
        role="tablist"
        aria-label={props.label}
        ref={list}
        onKeyDown={onKeyDown}
      >
        {tabs.map(tab => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${prefix}-${tab.id}`}
            aria-selected={tab.id === chosen}
            aria-controls={`${prefix}-panel`}
            tabIndex={tab.id === chosen ? 0 : -1}
            onClick={() => onChoose(tab.id)}
          >
            {tab.label}
            {tab.count ? <span className="jp-wasmwheel-count">{tab.count}</span> : null}
          </button>
        ))}
      </div>
      <div
        className="jp-wasmwheel-tab"
        role="tabpanel"
        id={`${prefix}-panel`}
        aria-labelledby={`${prefix}-${chosen}`}
        data-tab={chosen}
        tabIndex={chosen === 'log' ? undefined : 0}
      >
        {tabs.find(tab => tab.id === chosen)?.body}
      </div>
    </>
  );
}
