import { spawn } from 'node:child_process';
import type { Session } from 'ssh2';
import type { CommandChannel } from './ssh-server-options.ts';

/** Runs a command in its own process group, as sshd does. */
export function run(
  command: string,
  channel: CommandChannel,
  session: Session | undefined,
  env: Record<string, string>,
): void {
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', ...env },
  });
  child.stdin.on('error', () => undefined);
  channel.pipe(child.stdin);
  child.stdout.on('data', (chunk: Buffer) => channel.write(chunk));
  child.stderr.on('data', (chunk: Buffer) => channel.stderr.write(chunk));
  session?.on('signal', (_accept, _reject, { name }) => {
    try {
      process.kill(-child.pid!, `SIG${name}`);
    } catch {
      // It has just ended.
    }
  });
  child.on('exit', (code, signal) => {
    if (signal === null) channel.exit(code ?? 255);
    else channel.exit(signal.replace(/^SIG/, ''));
  });
  child.on('close', () => channel.end());
  channel.on('close', () => {
    child.stdin.end();
    child.stdout.destroy();
    child.stderr.destroy();
  });
}
