import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';

import type { StreamEvent } from './job';
import type { Server } from '../server';
import { decode, readItems } from './lines';

/** How long to wait before asking again, in milliseconds: doubled from the first to the last. */
const FIRST_WAIT = 500;
const LAST_WAIT = 15_000;

/** A server says something every 25 s; without a word for longer the line is dead. */
const SILENCE = 60_000;

export type Connection = 'idle' | 'open' | 'lost';

/**
 * The one stream of events, shared by all that shows jobs.
 *
 * It is read by `fetch`, not by an EventSource: that one sends no token, does not say why it was
 * refused, and cannot be slowed down. After a break it goes on behind the last event it saw.
 */
export class EventStream implements IDisposable {
  constructor(server: Server) {
    this._server = server;
    window.addEventListener('online', this._hurry);
  }

  /** Emitted for each event, in order, each one once. */
  get received(): ISignal<this, StreamEvent> {
    return this._received;
  }

  /** Emitted when the connection is made or lost. */
  get connectionChanged(): ISignal<this, Connection> {
    return this._connectionChanged;
  }

  get connection(): Connection {
    return this._connection;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Follow from behind an event on, for good. */
  async follow(after: number): Promise<void> {
    this._seq = after;
    let wait = FIRST_WAIT;
    while (!this._disposed) {
      const before = this._seq;
      try {
        await this._read();
      } catch {
        // Whatever it was: a server that is restarted, a network that is gone. Ask again.
      }
      if (this._disposed) {
        return;
      }
      this._set('lost');
      wait = this._seq > before ? FIRST_WAIT : Math.min(wait * 2, LAST_WAIT);
      await this._sleep(wait * (0.75 + Math.random() / 2));
    }
  }

  dispose(): void {
    this._disposed = true;
    window.removeEventListener('online', this._hurry);
    this._abort?.abort();
    this._hurry();
    Signal.clearData(this);
  }

  private async _read(): Promise<void> {
    const abort = new AbortController();
    this._abort = abort;
    let watch = setTimeout(() => abort.abort(), SILENCE);
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(() => abort.abort(), SILENCE);
    };
    try {
      const query = { after: String(this._seq) };
      const response = await this._server.open(['events'], query, abort.signal);
      this._set('open');
      const messages = decode(response.body!).pipeThrough(
        new EventSourceParserStream({ onComment: heard })
      );
      await readItems(
        messages,
        message => [message],
        message => {
          heard();
          this._take(message);
        }
      );
    } finally {
      clearTimeout(watch);
      abort.abort();
    }
  }

  private _take(message: EventSourceMessage): void {
    const event = JSON.parse(message.data) as StreamEvent;
    if (event.seq > this._seq) {
      this._seq = event.seq;
      this._received.emit(event);
    }
  }

  private _set(connection: Connection): void {
    if (connection !== this._connection) {
      this._connection = connection;
      this._connectionChanged.emit(connection);
    }
  }

  private _sleep(milliseconds: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, milliseconds);
      this._wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private readonly _hurry = (): void => this._wake?.();
  private readonly _server: Server;
  private readonly _received = new Signal<this, StreamEvent>(this);
  private readonly _connectionChanged = new Signal<this, Connection>(this);
  private _connection: Connection = 'idle';
  private _abort: AbortController | undefined;
  private _wake: (() => void) | undefined;
  private _seq = 0;
  private _disposed = false;
}
