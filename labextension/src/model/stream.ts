import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';

import type { StreamEvent } from './job';
import type { Server } from '../server';
import { decode, readItems } from './lines';

/** How long to wait before reconnecting, which is doubled up to the maximum. */
const RETRY_INTERVAL_MS = 500;
const MAX_RETRY_INTERVAL_MS = 15_000;

/** The server sends something every 25 s; without that for longer the connection is dead. */
const SILENCE_TIMEOUT_MS = 60_000;

export type Connection = 'idle' | 'open' | 'lost';

/**
 * The stream of events that all models share.
 *
 * It uses `fetch`, since an EventSource sends no token, hides the status of a failed response and
 * cannot be slowed down. After an interruption it continues after the last event that it received.
 */
export class EventStream implements IDisposable {
  constructor(server: Server) {
    this._server = server;
    this._poll = new Poll({
      auto: false,
      factory: () => this._read(),
      frequency: { interval: RETRY_INTERVAL_MS, backoff: 2, max: MAX_RETRY_INTERVAL_MS },
      standby: 'never'
    });
    window.addEventListener('online', this._reconnect);
  }

  /** Emitted once for each event, in order. */
  get received(): ISignal<this, StreamEvent> {
    return this._received;
  }

  get connectionChanged(): ISignal<this, Connection> {
    return this._connectionChanged;
  }

  get connection(): Connection {
    return this._connection;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** Receive the events after the one with a number, until the stream is disposed. */
  async follow(after: number): Promise<void> {
    this._seq = after;
    await this._poll.start();
  }

  dispose(): void {
    window.removeEventListener('online', this._reconnect);
    this._poll.dispose();
    this._abort?.abort();
    Signal.clearData(this);
  }

  /** Read until the connection is lost; throw if no event was received, to wait longer next time. */
  private async _read(): Promise<void> {
    const before = this._seq;
    this._abort?.abort();
    const abort = (this._abort = new AbortController());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const restartTimer = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE_TIMEOUT_MS);
    };
    try {
      restartTimer();
      const query = { after: String(before) };
      const response = await this._server.open(['events'], query, abort.signal);
      this._setConnection('open');
      const messages = decode(response.body!).pipeThrough(
        new EventSourceParserStream({ onComment: restartTimer })
      );
      await readItems(
        messages,
        message => [message],
        message => {
          restartTimer();
          this._receive(message);
        }
      );
      throw new Error('The server closed the connection.');
    } catch (error) {
      if (this._seq === before) {
        throw error;
      }
    } finally {
      clearTimeout(timer);
      abort.abort();
      if (abort === this._abort) {
        this._setConnection('lost');
      }
    }
  }

  private _receive(message: EventSourceMessage): void {
    const event = JSON.parse(message.data) as StreamEvent;
    if (event.seq > this._seq) {
      this._seq = event.seq;
      this._received.emit(event);
    }
  }

  private _setConnection(connection: Connection): void {
    if (connection !== this._connection && !this.isDisposed) {
      this._connection = connection;
      this._connectionChanged.emit(connection);
    }
  }

  private readonly _reconnect = (): void => {
    if (this._connection !== 'open') {
      void this._poll.refresh();
    }
  };
  private readonly _server: Server;
  private readonly _poll: Poll;
  private readonly _received = new Signal<this, StreamEvent>(this);
  private readonly _connectionChanged = new Signal<this, Connection>(this);
  private _connection: Connection = 'idle';
  private _abort: AbortController | undefined;
  private _seq = 0;
}
