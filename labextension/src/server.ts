import { Dialog, showDialog } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type * as api from './api';
import { completeError } from './model/job';

/** The path of the server extension's API under the server's base URL. */
const API_PATH = 'wasmwheel/api';

/** A failed request, as an error to show. */
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

/** Return the error to show for anything that was thrown. */
export function asError(thrown: unknown): api.ErrorInfo {
  return thrown instanceof ResponseError ? thrown.info : completeError({ what: String(thrown) });
}

/** Show an error in a dialog. */
export async function showError(thrown: unknown, trans: TranslationBundle): Promise<void> {
  const { what, why, fix } = asError(thrown);
  await showDialog({
    title: what,
    body: [why, fix].filter(text => text).join(' '),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}

/** A client of the server extension. */
export class Server {
  constructor(settings: ServerConnection.ISettings, trans: TranslationBundle) {
    this._settings = settings;
    this._trans = trans;
  }

  /** By how many seconds this computer's clock is ahead of the server's. */
  get skew(): number {
    return this._skew;
  }

  /** Return the address of a resource of the API. */
  url(...parts: string[]): string {
    return URLExt.join(this._settings.baseUrl, API_PATH, ...parts.map(encodeURIComponent));
  }

  /** Return the address of a page of the server. */
  pageUrl(path: string): string {
    return new URL(path, this._settings.baseUrl).href;
  }

  async get<T>(parts: string[], query: Record<string, string> = {}): Promise<T> {
    const response = await this.open(parts, query);
    return (await response.json()) as T;
  }

  async post<T>(parts: string[], body: object = {}): Promise<T> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    const response = await this._request(this.url(...parts), init);
    return (await response.json()) as T;
  }

  async remove(parts: string[]): Promise<void> {
    await this._request(this.url(...parts), { method: 'DELETE' });
  }

  /** Open a response, whose body can be long or endless. */
  async open(
    parts: string[],
    query: Record<string, string> = {},
    signal?: AbortSignal
  ): Promise<Response> {
    const search = new URLSearchParams(query).toString();
    const url = this.url(...parts) + (search ? `?${search}` : '');
    return await this._request(url, signal ? { signal } : {});
  }

  /** Send a request, and throw a ResponseError if it fails. */
  private async _request(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      // With `no-store` Jupyter would add a number to the address, which the API rejects.
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
    const body = (await response.json().catch(() => ({}))) as Partial<api.ErrorInfo> & {
      message?: string;
    };
    if (body.what !== undefined) {
      return new ResponseError(response.status, body);
    }
    if (response.status === 404) {
      return new ResponseError(404, {
        what: trans.__('The server extension of jupyter-wasmwheel is not running.'),
        why: trans.__('The Jupyter server does not respond at %1.', API_PATH),
        fix: trans.__(
          'Install jupyter-wasmwheel in the environment of the server, then restart the server. Run `jupyter server extension list` to see whether it is enabled.'
        )
      });
    }
    return new ResponseError(response.status, {
      what: trans.__(
        'The Jupyter server rejected the request: %1 %2.',
        response.status,
        response.statusText
      ),
      why: body.message ?? trans.__('The response contains no reason.'),
      fix:
        response.status === 403
          ? trans.__(
              'Log in again, or ask the administrator of the server for permission to build.'
            )
          : trans.__('See the log of the Jupyter server.')
    });
  }

  private _unreachable(): ResponseError {
    const trans = this._trans;
    return new ResponseError(0, {
      what: trans.__('The Jupyter server does not respond.'),
      why: trans.__('It was stopped, or the network is down.'),
      fix: trans.__('Restart the server or check your connection. The panel then updates itself.')
    });
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _trans: TranslationBundle;
  private _skew = 0;
}
