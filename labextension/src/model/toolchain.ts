import type * as api from '../api';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** The installed toolchain, and the targets that it can build for. */
export class ToolchainModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this._server = server;
  }

  get findings(): readonly api.Finding[] {
    return this._toolchain?.findings ?? [];
  }

  get isReady(): boolean {
    return this._toolchain !== undefined;
  }

  /** Whether nothing that is required is missing. */
  get ok(): boolean {
    return this._toolchain?.ok ?? false;
  }

  get error(): api.ErrorInfo | null {
    return this._error;
  }

  get targets(): readonly api.Target[] {
    return this._targets?.targets ?? [];
  }

  /** The default target. */
  get target(): api.Target | undefined {
    return this.targets.find(target => target.abi === this._targets?.default);
  }

  async refresh(): Promise<void> {
    try {
      [this._toolchain, this._targets] = await Promise.all([
        this._server.get<api.Toolchain>(['toolchain']),
        this._server.get<api.Targets>(['targets'])
      ]);
      this._error = null;
    } catch (error) {
      this._error = asError(error);
    }
    this.notify();
  }

  private readonly _server: Server;
  private _toolchain: api.Toolchain | undefined;
  private _targets: api.Targets | undefined;
  private _error: api.ErrorInfo | null = null;
}
