import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** A button that is an icon; its label is read out and shown on hover. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
  menu?: boolean;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-wasmwheel-icon-button"
      title={props.label}
      aria-label={props.label}
      aria-haspopup={props.menu ? 'menu' : undefined}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" elementSize="normal" />
    </button>
  );
}

/** A button that reads as a link: an action at the end of a line. */
export function LinkButton(props: {
  label: string;
  title?: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button type="button" className="jp-wasmwheel-link" title={props.title} onClick={props.onClick}>
      {props.label}
    </button>
  );
}

/** A button of JupyterLab's own form. */
export function TextButton(props: {
  label: string;
  onClick: () => void;
  accept?: boolean;
  warn?: boolean;
  disabled?: boolean;
  title?: string | undefined;
}): JSX.Element {
  const kind = props.accept ? 'jp-mod-accept' : props.warn ? 'jp-mod-warn' : 'jp-mod-reject';
  return (
    <button
      type="button"
      className={`jp-wasmwheel-button jp-mod-styled ${kind}`}
      disabled={props.disabled}
      title={props.title}
      onClick={props.onClick}
    >
      {props.label}
    </button>
  );
}
