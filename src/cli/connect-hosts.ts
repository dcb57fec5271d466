import { randomBytes } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import type { Connect } from '../engine/local-executor.ts';
import type { ConnectionSettings } from '../inventory/connection-settings.ts';

/** Files in which host keys are looked up; new ones go into the first. */
export function knownHostsFiles(): string[] {
  return [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
}

/** Opens hosts by SSH, as their settings say. */
export function connectBySsh(
  connections: ReadonlyMap<string, ConnectionSettings>,
  options: {
    readonly acceptNew: boolean;
    readonly onAccepted: (host: string, fingerprint: string) => void;
    readonly onDebug?: (host: string, text: string) => void;
    /** How long a host that was lost is tried, in milliseconds. */
    readonly reconnectMs: number;
    /** How long a host that another run has locked is waited for, in milliseconds. */
    readonly lockWaitMs: number;
    readonly signal: AbortSignal;
  },
): Connect {
  const agent = process.env['SSH_AUTH_SOCK'];
  const run = randomBytes(8).toString('hex');
  const who = `${userName()}@${hostname()} (pid ${process.pid}, run ${run})`;
  return async (name, progress, notice) => {
    const settings = connections.get(name);
    if (!settings) throw new ProvisionError({ code: 'BUG', happened: `no connection settings for ${name}` });
    // Both are loaded when the first host is due: a plan without one never pays for them.
    const [{ connectLasting }, { RemoteHost }] = await Promise.all([
      import('../ssh/lasting-connection.ts'),
      import('../host/remote-host.ts'),
    ]);
    progress(`connecting to ${settings.user}@${settings.address} port ${settings.port}`);
    let forget = () => {};
    const connection = await connectLasting(
      { ...settings, ...(agent !== undefined && { agent }) },
      {
        knownHosts: {
          files: knownHostsFiles(),
          acceptNew: options.acceptNew,
          onAccepted: ({ fingerprint }) => options.onAccepted(name, fingerprint),
        },
        connectTimeoutMs: 10_000,
        reconnectMs: options.reconnectMs,
        signal: options.signal,
        progress,
        onLost: () => notice({ level: 'warning', text: 'the connection was lost' }),
        onRegained: ({ afterMs, rebooted }) => {
          forget();
          const how = rebooted ? '; the host was started anew in between' : '';
          notice({ level: 'info', text: `reached again after ${Math.round(afterMs / 1000)} s${how}` });
        },
        ...(options.onDebug && { onDebug: (text: string) => options.onDebug?.(name, text) }),
      },
    );
    const { address } = settings;
    const host = new RemoteHost({ name, address, connection, progress, clock: Date.now });
    forget = () => host.forget();
    return {
      host,
      losses: () => connection.losses,
      lock: async () => {
        progress('locking the host');
        const held = await connection.lock({ run, who, waitMs: options.lockWaitMs, progress });
        if (held.unable !== undefined)
          notice({ level: 'warning', text: `not locked against other runs: ${held.unable}` });
        else if (held.previous.run !== '' && held.previous.run !== run)
          notice({
            level: 'info',
            text: `took over the lock of a run that ended without giving it back: ${held.previous.who}`,
          });
      },
      close: () => connection.close(),
    };
  };
}

/** A container may run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
