import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprint } from '../../../src/ssh/identity/known-hosts.ts';
import { makeKey } from '../../../src/ssh/testing/make-key.ts';
import { run } from '../../../src/ssh/testing/run-command.ts';
import { destroy, startSshServer } from '../../../src/ssh/testing/ssh-server.ts';
import type { CommandChannel, SshServerOptions } from '../../../src/ssh/testing/ssh-server-options.ts';
import type { Fate, Member } from './fates.ts';
import { ownPlace } from './own-place.ts';

/*
 * A process of its own with many SSH servers in it, so that the memory of the controller is measured alone. Is told names
 * and fates by its parent, answers with its members, and ends with its parent.
 */
process.on('message', (asked: readonly Pick<Member, 'name' | 'fate'>[]) => {
  void Promise.all(asked.map(start)).then((members) => process.send?.(members));
});
process.on('disconnect', () => process.exit());

async function start({ name, fate }: Pick<Member, 'name' | 'fate'>): Promise<Member> {
  const address = '127.0.0.1';
  const unknown = fingerprint(makeKey().public);
  // Nobody listens on the first of all ports, and all addresses from 127 on are loopback.
  if (fate === 'refused') return { name, fate, address: loopbackOf(name), port: 1, fingerprint: unknown };
  if (fate === 'silent') return { name, fate, address, port: await listenSilently(), fingerprint: unknown };
  const server = await startSshServer(optionsOf(fate, homeOf(name)));
  const shown = fate === 'other key' ? unknown : fingerprint(server.hostKey);
  return { name, fate, address, port: server.port, fingerprint: shown };
}

function optionsOf(fate: Fate, home: string): SshServerOptions {
  const authenticate: SshServerOptions['authenticate'] = (attempt) => {
    if (attempt.method === 'publickey' && fate !== 'no login') attempt.accept();
    else attempt.reject(['publickey']);
  };
  return {
    authenticate,
    onExec(command, channel, connection) {
      runApart(
        fate === 'no sudo' ? command.replaceAll('sudo', 'sudo-is-not-installed') : command,
        channel,
        home,
      );
      if (fate !== 'dies') return;
      let frames = 0;
      // The first brings the shell up; the second is a script.
      channel.on('data', () => ++frames === 2 && destroy(connection));
    },
  };
}

/** Root keeps the lock of a host in one place, everybody else at home. */
function runApart(command: string, channel: CommandChannel, HOME: string): void {
  if (process.getuid?.() === 0) run(ownPlace, channel, undefined, { HOME, SSH_ORIGINAL_COMMAND: command });
  else run(command, channel, undefined, { HOME });
}

/** A port that takes connections, and never says a word. */
async function listenSilently(): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const homes = mkdtempSync(join(tmpdir(), 'provision-homes-'));
process.on('exit', () => rmSync(homes, { recursive: true, force: true }));

function homeOf(name: string): string {
  const home = join(homes, name);
  mkdirSync(home);
  return home;
}

function loopbackOf(name: string): string {
  const number = Number(/\d+$/.exec(name)?.[0]);
  return `127.1.${Math.floor(number / 250)}.${(number % 250) + 1}`;
}
