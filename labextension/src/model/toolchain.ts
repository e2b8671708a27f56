import type * as api from '../api';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** What there is to build with, and what can be built for. */
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

  /** Whether something can be built. */
  get ok(): boolean {
    return this._toolchain?.ok ?? false;
  }

  get error(): api.ErrorInfo | null {
    return this._error;
  }

  get targets(): readonly api.Target[] {
    return this._targets?.targets ?? [];
  }

  /** The target that is built for where nobody says another. */
  get target(): api.Target | undefined {
    return this.targets.find(target => target.abi === this._targets?.default);
  }

  /** Look again. */
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
    this.touch();
  }

  private readonly _server: Server;
  private _toolchain: api.Toolchain | undefined;
  private _targets: api.Targets | undefined;
  private _error: api.ErrorInfo | null = null;
}
