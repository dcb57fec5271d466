const everyMs = 1000;

/**
 * Tells a watching person once a second how far an upload is: `uploading big.tar: 37 % of 1.2 GB, 85 MB/s`.
 * What is over within a second is not told of.
 */
export function uploadProgress(
  name: string,
  size: number,
  tell: (text: string) => void,
  clock: () => number = () => performance.now(),
): (bytes: number) => void {
  const start = clock();
  let last = start;
  return (bytes) => {
    const now = clock();
    if (now - last < everyMs) return;
    last = now;
    const percent = Math.floor((100 * bytes) / Math.max(1, size));
    const rate = (1000 * bytes) / (now - start);
    tell(`uploading ${name}: ${percent} % of ${inUnits(size)}, ${inUnits(rate)}/s`);
  };
}

/** Bytes for people: `1.2 GB`, powers of 1000. */
function inUnits(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const number = bytes / 1000 ** power;
  return `${number >= 10 || power === 0 ? Math.round(number) : number.toFixed(1)} ${units[power]}`;
}
