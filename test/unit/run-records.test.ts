import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hasSshd, startSshd, type Sshd } from '../../src/ssh/testing/sshd.ts';

vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'run-records-'));
const place = (name: string) => join(folder, name);

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built command line; `killWhen` it has told this. */
function provision(args: readonly string[], killWhen?: string): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: place('state') },
  });
  const told = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      told[name] += String(chunk);
      if (killWhen !== undefined && told[name].includes(killWhen)) child.kill('SIGKILL');
    });
  return new Promise((resolve) => child.once('close', (exit) => resolve({ exit, ...told })));
}

const playbook = `import { file, inventory, playbook, resource, sh } from 'provision';
const site = inventory({ web: {} });
const slow = resource({
  kind: 'slow', want: () => ({}), id: () => 'step', read: async () => undefined, diff: () => [{ type: 'unknown', path: 'x' }],
  apply: async (host) => void (await host.run(sh\`sleep 15\`)),
});
export default playbook(site.play('web', ({ host }) =>
  [file({ path: \`${folder}/made-\${host.name}\`, content: 'x' }), ...(host.name === 'slow' ? [slow({})] : [])]));
`;

// Root is who a file belongs to, and only root can give it to root.
describe.skipIf(!hasSshd || process.getuid?.() !== 0)(
  'runs on a host and on one that is away (needs root and sshd)',
  () => {
    let sshd: Sshd;
    beforeAll(async () => {
      sshd = await startSshd();
      writeFileSync(place('site.ts'), playbook);
    });
    afterAll(async () => {
      await sshd.stop();
      rmSync(folder, { recursive: true });
    });

    // One machine under two names; the same address twice would be refused.
    const addresses: Readonly<Record<string, string>> = {
      up: '127.0.0.1',
      down: 'localhost',
      fast: '127.0.0.1',
      slow: 'localhost',
    };

    function inventory(hosts: Readonly<Record<string, number>>): void {
      const { user, keyFile, fingerprint } = sshd;
      const lines = Object.entries(hosts).map(
        ([name, port]) => `    ${name}: { host: ${addresses[name]}, port: ${port} }`,
      );
      const vars = `{ user: ${user}, key: ${keyFile}, fingerprint: '${fingerprint}' }`;
      writeFileSync(place('inventory.yaml'), `web:\n  hosts:\n${lines.join('\n')}\n  vars: ${vars}\n`, {
        mode: 0o600,
      });
    }
    const run = (...args: string[]) =>
      provision([place('site.ts'), '-i', place('inventory.yaml'), '-F', 'none', ...args]);

    test('a retry does what failed, there only; then nothing is left to retry', async () => {
      inventory({ up: sshd.port, down: 1 });
      expect((await run('--lock-wait', '7')).exit).toBe(4);
      const failed = await run('-C', '--limit', '@failed');
      expect(failed.exit).toBe(4);
      expect(failed.stderr).toContain('on 1 host;');
      expect(failed.stdout).not.toMatch(/^up /m);

      inventory({ up: sshd.port, down: sshd.port });
      const retried = await provision(['retry', '--output', 'jsonl']);
      expect([retried.exit, retried.stderr]).toEqual([0, expect.anything()]);
      expect(retried.stdout).toContain(`file ${place('made-down')}`);
      expect(retried.stdout).not.toContain('"up"');
      expect(retried.stderr).toMatch(/retrying run \S+ on 1 of its 2 hosts: down/);
      expect(retried.stderr).toContain(`warning: ${place('inventory.yaml')} has changed since that run`);
      const listed = await provision(['runs', 'list', '--output', 'jsonl']);
      const [last] = listed.stdout.split('\n').map((line) => JSON.parse(line || '{}') as { options: object });
      // What shaped the first run shapes its retry.
      expect(last).toMatchObject({
        options: { lockWait: 7, sshConfig: 'none', limit: ['down'] },
        state: 'ended',
        exit: 0,
      });

      const nothing = await provision(['retry']);
      expect(nothing.exit).toBe(0);
      expect(nothing.stderr).toContain('nothing to retry');
      const nobody = await run('--limit', '@failed');
      expect(nobody.exit).toBe(3);
      expect(nobody.stderr).toContain('@failed stands for nobody');
    });

    test('a run that is killed leaves what it had told, and is retried where it was not done', async () => {
      inventory({ slow: sshd.port });
      const args = [place('site.ts'), '-i', place('inventory.yaml'), '-F', 'none', '--output', 'jsonl'];
      const killed = await provision(args, '"step-start","host":"slow","play":"web","step":"slow step"');
      expect(killed.exit).toBeNull();
      const shown = await provision(['runs', 'show', 'last']);
      expect(shown.stdout).toContain('did not end: killed?');
      expect(shown.stdout).toMatch(/slow +0 +1 +0 +0/);
      const events = await provision(['runs', 'explain', 'last', 'slow', '--output', 'jsonl']);
      expect(events.stdout).toMatch(/made-slow".*"status":"changed"/);
      expect(events.stdout.trimEnd().split('\n').at(-1)).toContain('"event":"step-start"');
      const again = await provision(['retry', '-C']);
      expect(again.stderr).toContain('on 1 of its 1 hosts: slow');
      expect(again.exit).toBe(0);
    });

    test('without a record a run leaves none', async () => {
      inventory({ up: sshd.port });
      const before = (await provision(['runs'])).stdout;
      expect((await run('-C', '--no-record')).exit).toBe(0);
      expect((await provision(['runs'])).stdout).toBe(before);
      expect(readFileSync(place('site.ts'), 'utf8')).toBe(playbook);
    });
  },
);
