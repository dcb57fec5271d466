import { homedir } from 'node:os';
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
    readonly signal: AbortSignal;
  },
): Connect {
  const agent = process.env['SSH_AUTH_SOCK'];
  return async (name, progress) => {
    const settings = connections.get(name);
    if (!settings) throw new ProvisionError({ code: 'BUG', happened: `no connection settings for ${name}` });
    // Both are loaded when the first host is due: a plan without one never pays for them.
    const [{ connect }, { RemoteHost }] = await Promise.all([
      import('../ssh/connect.ts'),
      import('../host/remote-host.ts'),
    ]);
    progress(`connecting to ${settings.user}@${settings.address} port ${settings.port}`);
    const connection = await connect(
      { ...settings, ...(agent !== undefined && { agent }) },
      {
        knownHosts: {
          files: knownHostsFiles(),
          acceptNew: options.acceptNew,
          onAccepted: ({ fingerprint }) => options.onAccepted(name, fingerprint),
        },
        connectTimeoutMs: 10_000,
        signal: options.signal,
        ...(options.onDebug && { onDebug: (text: string) => options.onDebug?.(name, text) }),
      },
    );
    const { address } = settings;
    const host = new RemoteHost({ name, address, connection, progress, clock: Date.now });
    return { host, close: () => connection.close() };
  };
}
