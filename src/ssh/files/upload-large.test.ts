import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { LargeFile } from '../../core/large-file.ts';
import { connect } from '../connect.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

/** A file of zeros that is nowhere whole. */
function zeros(megabytes: number): LargeFile {
  return {
    path: '/home/me/images.tar',
    size: megabytes * 1_000_000,
    sha256: () => Promise.reject(new Error('not asked for')),
    async *read() {
      for (let count = 0; count < megabytes * 4; count++) yield Buffer.alloc(250_000);
    },
  };
}

describe.runIf(hasSshd)('a large file to a real sshd', () => {
  test.each([
    ['by SFTP', ['Subsystem sftp internal-sftp'], 150],
    ['through the shell', [], 20],
  ])(
    '%s is never whole in memory',
    async (_way, configuration, megabytes) => {
      const sshd = await startSshd({ configuration });
      closing.push(() => sshd.stop());
      const { password: _none, ...target } = loopback(sshd.port, { user: sshd.user, keyFile: sshd.keyFile });
      const connection = await connect(target, trusting([[sshd.port, sshd.hostKey]]));
      closing.push(() => connection.close());
      const near = join(makeFolder(), 'images.tar');
      const before = process.memoryUsage().rss;
      let [peak, told] = [before, 0];
      const onProgress = (bytes: number) => {
        expect(bytes).toBeGreaterThan(told);
        told = bytes;
        peak = Math.max(peak, process.memoryUsage().rss);
      };
      const path = await connection.upload(zeros(megabytes), near, { onProgress });
      expect(statSync(path).size).toBe(megabytes * 1_000_000);
      expect(told).toBe(megabytes * 1_000_000);
      expect(peak - before).toBeLessThan(100_000_000);
    },
    120_000,
  );
});
