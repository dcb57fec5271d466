import { expect, it } from 'vitest';
import { uploadProgress } from './upload-progress.ts';

it('tells once a second how far an upload is', () => {
  const told: string[] = [];
  let now = 50;
  const report = uploadProgress(
    'big.tar',
    1_200_000_000,
    (text) => told.push(text),
    () => now,
  );
  for (const [at, bytes] of [
    [500, 1],
    [1100, 85_000_000],
    [1200, 90_000_000],
    [5050, 444_000_000],
  ] as const) {
    now = at;
    report(bytes);
  }
  expect(told).toEqual([
    'uploading big.tar: 7 % of 1.2 GB, 81 MB/s',
    'uploading big.tar: 37 % of 1.2 GB, 89 MB/s',
  ]);
});

it('says nothing of what is quick, and survives an empty file', () => {
  const told: string[] = [];
  let now = 0;
  const report = uploadProgress(
    'x',
    0,
    (text) => told.push(text),
    () => now,
  );
  report(0);
  expect(told).toEqual([]);
  now = 1000;
  report(0);
  expect(told).toEqual(['uploading x: 0 % of 0 bytes, 0 bytes/s']);
});
