/**
 * What is said in an open tab when a wheel arrives.
 */

import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatAge } from '../format';
import type { IPublished } from './lock';

/** How often the age of the news is told anew, in milliseconds. */
const TICK = 5_000;

/** One notice for all that arrived; it goes when a kernel was restarted by whatever means. */
export class ArrivalNotice {
  constructor(trans: TranslationBundle, restart: () => Promise<void>) {
    this._trans = trans;
    this._restart = restart;
  }

  /** Tell of packages that arrived, `again` where one of that name was there before. */
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
          label: trans.__('Restart kernel and use it'),
          displayType: 'accent',
          callback: () => {
            this.close();
            void this._restart();
          }
        },
        { label: trans.__('Later'), callback: () => this.close() }
      ]
    });
    this._timer = setInterval(() => this._tick(), TICK);
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

  private _tick(): void {
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
