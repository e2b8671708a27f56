/**
 * The notification in an open tab when a wheel is published.
 */

import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatAge } from '../format';
import type { IPublished } from './lock';

/** How often to update the age in the message. */
const UPDATE_INTERVAL_MS = 5_000;

/** One notification for all packages that were published; it closes when a kernel restarts. */
export class ArrivalNotice {
  constructor(trans: TranslationBundle, restart: () => Promise<void>) {
    this._trans = trans;
    this._restart = restart;
  }

  /** Announce packages, `again` if all of them were in the site before. */
  show(arrived: IPublished[], again: boolean): void {
    arrived.forEach(each => this._arrived.set(each.name, each));
    this._again ||= again;
    if (this._id !== undefined && Notification.manager.has(this._id)) {
      Notification.update({ id: this._id, message: this._message() });
      return;
    }
    const trans = this._trans;
    this._id = Notification.emit(this._message(), 'info', {
      autoClose: false,
      actions: [
        {
          label: trans.__('Restart Kernel and Use It'),
          displayType: 'accent',
          callback: () => {
            this.close();
            void this._restart();
          }
        },
        { label: trans.__('Later'), callback: () => this.close() }
      ]
    });
    this._timer = setInterval(() => this._refresh(), UPDATE_INTERVAL_MS);
  }

  close(): void {
    clearInterval(this._timer);
    if (this._id !== undefined) {
      Notification.dismiss(this._id);
    }
    this._id = undefined;
    this._arrived.clear();
    this._again = false;
  }

  private _refresh(): void {
    if (this._id === undefined || !Notification.manager.has(this._id)) {
      this.close();
    } else if (!document.hidden) {
      Notification.update({ id: this._id, message: this._message() });
    }
  }

  private _message(): string {
    const trans = this._trans;
    const all = [...this._arrived.values()];
    const age = (Date.now() - Math.max(...all.map(each => each.time))) / 1000;
    const names = all.map(each => each.name).join(', ');
    const when = formatAge(age, trans);
    return this._again
      ? trans._n(
          '%2 was published again, %3',
          '%2 were published again, %3',
          all.length,
          names,
          when
        )
      : trans._n('%2 was published, %3', '%2 were published, %3', all.length, names, when);
  }

  private readonly _trans: TranslationBundle;
  private readonly _restart: () => Promise<void>;
  private readonly _arrived = new Map<string, IPublished>();
  private _again = false;
  private _id: string | undefined;
  private _timer: ReturnType<typeof setInterval> | undefined;
}
