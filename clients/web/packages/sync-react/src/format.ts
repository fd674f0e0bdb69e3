/** Numbers as people read them. PURE. */

/** A duration in seconds, e.g. `about 2 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return 'a moment';
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `about ${hours} h ${minutes % 60} min` : `about ${hours} h`;
}

/** How long ago a time (ms since the Unix epoch) was, e.g. `3 min ago`. */
export function ago(time: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const PLATFORMS: Record<string, string> = {
  android: 'Android',
  ios: 'iPhone or iPad',
  linux: 'Linux',
  macos: 'Mac',
  web: 'Web browser',
  windows: 'Windows',
};

export function platformName(platform: string): string {
  return PLATFORMS[platform.toLowerCase()] ?? (platform || 'Device');
}
