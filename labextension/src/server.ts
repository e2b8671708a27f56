import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type * as api from './api';
import { completeError } from './model/job';

/** Where the server extension's API is, under the server's base URL. */
const ROOT = 'wasmwheel/api';

/** An error response: what happened, why, and what to do about it. */
export class ResponseError extends Error {
  readonly info: api.ErrorInfo;

  constructor(
    readonly http: number,
    info: Partial<api.ErrorInfo>
  ) {
    super(info.what);
    this.info = completeError(info);
  }
}

/** Return what to show of anything that was thrown. */
export function asError(thrown: unknown): api.ErrorInfo {
  return thrown instanceof ResponseError ? thrown.info : completeError({ what: String(thrown) });
}

/** Asks the server extension. */
export class Server {
  constructor(settings: ServerConnection.ISettings, trans: TranslationBundle) {
    this._settings = settings;
    this._trans = trans;
  }

  /** Seconds by which this computer's clock is ahead of the server's. */
  get skew(): number {
    return this._skew;
  }

  /** The address of something under the API. */
  address(...parts: string[]): string {
    return URLExt.join(this._settings.baseUrl, ROOT, ...parts.map(encodeURIComponent));
  }

  /** The address of a page that the server names by its path. */
  page(path: string): string {
    return new URL(path, this._settings.baseUrl).href;
  }

  async get<T>(parts: string[], query: Record<string, string> = {}): Promise<T> {
    const response = await this.open(parts, query);
    return (await response.json()) as T;
  }

  async post<T>(parts: string[], body: object = {}): Promise<T> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    const response = await this._request(this.address(...parts), init);
    return (await response.json()) as T;
  }

  async remove(parts: string[]): Promise<void> {
    await this._request(this.address(...parts), { method: 'DELETE' });
  }

  /** Begin to read an answer, which may be long or never end. */
  async open(
    parts: string[],
    query: Record<string, string> = {},
    signal?: AbortSignal
  ): Promise<Response> {
    const search = new URLSearchParams(query).toString();
    const url = this.address(...parts) + (search ? `?${search}` : '');
    return await this._request(url, signal ? { signal } : {});
  }

  /** Send a request, and throw a ResponseError if it fails. */
  private async _request(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      // With `no-store` Jupyter adds a number to the address, which the API refuses.
      response = await ServerConnection.makeRequest(
        url,
        { cache: 'no-cache', ...init },
        this._settings
      );
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw this._unreachable();
    }
    if (!response.ok) {
      throw await this._errorOf(response);
    }
    const date = Date.parse(response.headers.get('Date') ?? '');
    if (!isNaN(date)) {
      this._skew = (Date.now() - date) / 1000;
    }
    return response;
  }

  private async _errorOf(response: Response): Promise<ResponseError> {
    const trans = this._trans;
    const said = (await response.json().catch(() => ({}))) as Partial<api.ErrorInfo> & {
      message?: string;
    };
    if (said.what !== undefined) {
      return new ResponseError(response.status, said);
    }
    if (response.status === 404) {
      return new ResponseError(404, {
        what: trans.__('The server extension of jupyter-wasmwheel is not running.'),
        why: trans.__('The panel is here, but the Jupyter server does not answer at %1.', ROOT),
        fix: trans.__(
          'Install jupyter-wasmwheel where the server runs and restart it; `jupyter server extension list` says whether it is enabled.'
        )
      });
    }
    return new ResponseError(response.status, {
      what: trans.__('The Jupyter server refused: %1 %2.', response.status, response.statusText),
      why: said.message ?? trans.__('It gave no reason.'),
      fix:
        response.status === 403
          ? trans.__('Log in again, or ask who runs the server for the right to build.')
          : trans.__('Look into the log of the Jupyter server.')
    });
  }

  private _unreachable(): ResponseError {
    const trans = this._trans;
    return new ResponseError(0, {
      what: trans.__('The Jupyter server does not answer.'),
      why: trans.__('It was stopped, or the network is down.'),
      fix: trans.__('Builds go on without this page; it catches up as soon as the server answers.')
    });
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _trans: TranslationBundle;
  private _skew = 0;
}
