import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import type { LargeFile } from '../core/large-file.ts';
import { openLargeFile } from './open-large-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'large-file-'));
  path = join(folder, 'images.tar');
  await writeFile(path, 'x'.repeat(600_000));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = () => openLargeFile(path, new Map());

async function readAll(file: LargeFile): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.read()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const storyOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => {
      const [{ code, happened, hostState }] = problemsOf(error);
      return `${code}: ${happened}; ${hostState}`;
    },
  );

describe('a large file', () => {
  it('is read in pieces, as often as it is asked for', async () => {
    const file = await open();
    expect(file.size).toBe(600_000);
    expect(await readAll(file)).toBe('x'.repeat(600_000));
    expect(await readAll(file)).toBe('x'.repeat(600_000));
    expect(await file.sha256()).toBe(createHash('sha256').update('x'.repeat(600_000)).digest('hex'));
  });

  it('may be empty', async () => {
    await writeFile(path, '');
    expect(await readAll(await open())).toBe('');
  });

  it('is one value for all who name it, and hashed once', async () => {
    const opened = new Map<string, LargeFile>();
    const [one, two] = await Promise.all([openLargeFile(path, opened), openLargeFile(path, opened)]);
    expect(one).toBe(two);
    const sha256 = await one.sha256();
    // Whoever still had to read it would fail.
    await rm(path);
    expect(await two.sha256()).toBe(sha256);
  });

  it('gives its hash without another reading when it was sent', async () => {
    const file = await open();
    await readAll(file);
    await rm(path);
    expect(await file.sha256()).toMatch(/^[0-9a-f]{64}$/);
  });

  it('must be a regular file that is there', async () => {
    await expect(openLargeFile(join(folder, 'no'), new Map())).rejects.toThrow('does not exist');
    await mkdir(join(folder, 'sub'));
    await expect(openLargeFile(join(folder, 'sub'), new Map())).rejects.toThrow('is not a regular file');
  });
});

describe('a large file that changes during the run is refused', () => {
  it('when it grows', async () => {
    const file = await open();
    await writeFile(path, 'y', { flag: 'a' });
    const story = `LOCAL: the file ${path} changed during the run: it had 600000 bytes and now has 600001; nothing was replaced by it`;
    expect(await storyOf(readAll(file))).toBe(story);
    expect(await storyOf(file.sha256())).toBe(story);
  });

  it('when it is written to while it is read', async () => {
    const file = await open();
    const reading = file.read()[Symbol.asyncIterator]();
    await reading.next();
    await truncate(path, 300_000);
    const rest = async () => {
      while (!(await reading.next()).done);
    };
    expect(await storyOf(rest())).toContain('it ends after 300000 of 600000 bytes');
  });

  it('when it is written to and has the same size', async () => {
    const file = await open();
    await writeFile(path, 'y'.repeat(600_000));
    await utimes(path, 1, 1);
    expect(await storyOf(readAll(file))).toContain('its time of change is another one');
  });

  it('when somebody even sets the time back', async () => {
    await utimes(path, 1000, 1000);
    const file = await open();
    await file.sha256();
    await writeFile(path, 'y'.repeat(600_000));
    await utimes(path, 1000, 1000);
    expect((await stat(path)).mtimeMs).toBe(1_000_000);
    expect(await storyOf(readAll(file))).toContain('its bytes differ, its time of change does not');
  });

  it('when it is gone', async () => {
    const file = await open();
    await rm(path);
    expect(await storyOf(file.sha256())).toContain('does not exist');
  });
});
