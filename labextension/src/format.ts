/**
 * Formats sizes, times and ages, with their units.
 */

import type { TranslationBundle } from '@jupyterlab/translation';

/** Format a size in bytes as `58 kB` or `1.4 MB`; a kB is 1000 bytes, as on PyPI. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  if (bytes < 999_500) {
    return `${Math.round(bytes / 1000)} kB`;
  }
  const megabytes = bytes / 1_000_000;
  return `${megabytes < 10 ? megabytes.toFixed(1) : Math.round(megabytes)} MB`;
}

/** Format the elapsed time of something that is running: `0:06`, `12:40`, `1:02:03`. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor((whole % 3600) / 60),
    whole % 60
  ];
  const tail = String(rest).padStart(2, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** Format a duration: `0.4 s`, `24 s`, `3 min 5 s`. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.05) {
    return '0 s';
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const rest = whole % 60;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Format how long ago something was. */
export function formatAge(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 1) {
    return trans.__('just now');
  }
  if (whole < 60) {
    return trans.__('%1 s ago', whole);
  }
  if (whole < 3600) {
    return trans.__('%1 min ago', Math.floor(whole / 60));
  }
  const hours = Math.floor(whole / 3600);
  return hours < 48
    ? trans.__('%1 h ago', hours)
    : trans._n('%1 day ago', '%1 days ago', Math.floor(hours / 24));
}
