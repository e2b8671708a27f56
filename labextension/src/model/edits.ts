import type * as api from '../api';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** What is known of the edits that a request asks for; nothing of both while it is asked for. */
export interface IForeseen {
  readonly edits?: api.Edits;
  readonly error?: api.ErrorInfo;
}

/** What a build would change of a source, before it is ordered. */
export class EditsModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this._server = server;
  }

  /** What is known of a request; undefined where nobody asked, or another one was asked for since. */
  known(request: api.EditsRequest): IForeseen | undefined {
    return this._key === JSON.stringify(request) ? this._foreseen : undefined;
  }

  /** Ask what a build would change; what is not a folder is fetched for that. */
  async look(request: api.EditsRequest): Promise<void> {
    const key = JSON.stringify(request);
    if (key !== this._key) {
      this._key = key;
      this._foreseen = {};
      this.touch();
    }
    let foreseen: IForeseen;
    try {
      foreseen = { edits: await this._server.post<api.Edits>(['edits'], request) };
    } catch (error) {
      foreseen = { error: asError(error) };
    }
    if (key === this._key) {
      this._foreseen = foreseen;
      this.touch();
    }
  }

  private readonly _server: Server;
  private _key = '';
  private _foreseen: IForeseen | undefined;
}
