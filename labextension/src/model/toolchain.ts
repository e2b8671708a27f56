import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { IError, IFinding, ITarget, ITargets, IToolchain } from '../contract';
import { asError, type Server } from '../server';
import { Pulse } from './pulse';

/** What there is to build with, and what can be built for. */
export class ToolchainModel implements IDisposable {
  constructor(server: Server) {
    this._server = server;
    this._pulse = new Pulse<this>(this, 0);
  }

  get changed(): ISignal<this, void> {
    return this._pulse.changed;
  }

  get revision(): number {
    return this._pulse.count;
  }

  get isDisposed(): boolean {
    return this._pulse.isDisposed;
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
    this._pulse.touch();
  }

  dispose(): void {
    this._pulse.dispose();
  }

  private readonly _server: Server;
  private readonly _pulse: Pulse<this>;
  private _toolchain: IToolchain | undefined;
  private _targets: ITargets | undefined;
  private _error: IError | null = null;
}
