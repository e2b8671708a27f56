import type { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

import type * as api from '../api';

/** A choice of templates, each with a short description. */
export class TemplateChoice extends Widget implements Dialog.IBodyWidget<string> {
  constructor(label: string, templates: api.Templates['templates'], chosen: string) {
    super({ node: document.createElement('fieldset') });
    this.addClass('jp-wasmwheel-choice');
    const legend = document.createElement('legend');
    legend.textContent = label;
    this.node.append(legend, ...templates.map(each => row(each, each.name === chosen)));
  }

  getValue(): string {
    return this.node.querySelector<HTMLInputElement>('input:checked')?.value ?? '';
  }
}

function row(template: { name: string; about: string }, isChosen: boolean): HTMLElement {
  const input = document.createElement('input');
  input.type = 'radio';
  input.name = 'template';
  input.value = template.name;
  input.defaultChecked = isChosen;
  const name = document.createElement('b');
  name.textContent = template.name;
  const line = document.createElement('label');
  line.append(input, name, ` ${template.about}`);
  return line;
}
