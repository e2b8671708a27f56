import type * as api from '../api';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** A preview of edits: empty while it is loading. */
export interface IEditPreview {
  readonly edits?: api.Edits;
  readonly error?: api.ErrorInfo;
}

/** The preview of what a build would change in a source. */
export class EditsModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this._server = server;
  }

  /** Return the preview for a request, or undefined if it is not the one that was loaded last. */
  get(request: api.EditsRequest): IEditPreview | undefined {
    return this._key === JSON.stringify(request) ? this._preview : undefined;
  }

  /** Load the preview for a request; the server fetches a source that is not a folder. */
  async load(request: api.EditsRequest): Promise<void> {
    const key = JSON.stringify(request);
    if (key !== this._key) {
      this._key = key;
      this._preview = {};
      this.notify();
    }
    const preview = await this._server.post<api.Edits>(['edits'], request).then(
      edits => ({ edits }),
      error => ({ error: asError(error) })
    );
    if (key === this._key) {
      this._preview = preview;
      this.notify();
    }
  }

  private readonly _server: Server;
  private _key = '';
  private _preview: IEditPreview | undefined;
}
