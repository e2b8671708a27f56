import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

interface IButtonProps {
  label: string;
  title?: string | undefined;
  disabled?: boolean;
  onClick: () => void;
}

/** A button with an icon, whose label is its tooltip and is read aloud. */
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

/** A button that looks like a link. */
export function LinkButton({ label, ...props }: IButtonProps): JSX.Element {
  return (
    <button type="button" className="jp-wasmwheel-link" {...props}>
      {label}
    </button>
  );
}

/** A button with the style of JupyterLab. */
export function TextButton({
  label,
  accept,
  ...props
}: IButtonProps & { accept?: boolean }): JSX.Element {
  const kind = accept ? 'jp-mod-accept' : 'jp-mod-reject';
  return (
    <button type="button" className={`jp-wasmwheel-button jp-mod-styled ${kind}`} {...props}>
      {label}
    </button>
  );
}
