import type { IError, IFinding, ITarget, ITargets, IToolchain } from '../contract';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** What there is to build with, and what can be built for. */
export class ToolchainModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this._server = server;
  }

  get findings(): readonly IFinding[] {
    return this._toolchain?.findings ?? [];
  }

  get isReady(): boolean {
    return this._toolchain !== undefined;
  }

  /** Whether something can be built. */
  get ok(): boolean {
    return this._toolchain?.ok ?? false;
  }

  get error(): IError | null {
    return this._error;
  }

  get targets(): readonly ITarget[] {
    return this._targets?.targets ?? [];
  }

  /** The target that is built for where nobody says another. */
  get target(): ITarget | undefined {
    return this.targets.find(target => target.abi === this._targets?.default);
  }

  /** Look again. */
  async refresh(): Promise<void> {
    try {
      [this._toolchain, this._targets] = await Promise.all([
        this._server.get<IToolchain>(['toolchain']),
        this._server.get<ITargets>(['targets'])
      ]);
      this._error = null;
    } catch (error) {
      this._error = asError(error);
    }
    this.touch();
  }

  private readonly _server: Server;
  private _toolchain: IToolchain | undefined;
  private _targets: ITargets | undefined;
  private _error: IError | null = null;
}
