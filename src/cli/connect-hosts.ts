import { hostname } from 'node:os';
import { ProvisionError } from '../core/errors.ts';
import type { Connect } from '../engine/local-executor.ts';
import { RemoteHost } from '../host/remote-host.ts';
import { sweepPrivateFolders } from '../resources/docker-private-folder.ts';
import type { AcceptedHostKey } from '../ssh/identity/host-keys.ts';
import { connectLasting } from '../ssh/lasting-connection.ts';
import { JumpHosts } from '../ssh/log-in/jump-hosts.ts';
import { LogInPace } from '../ssh/log-in/log-in-pace.ts';
import type { SshTarget } from '../ssh/target.ts';
import { newRun, type RunIdentity } from './run-identity.ts';
import { usualKnownHosts } from './ssh-settings.ts';
import { userName } from './user-name.ts';

export interface ConnectHostsOptions {
  readonly acceptNew: boolean;
  readonly onAccepted: (host: string, fingerprint: string) => void;
  readonly onDebug?: (host: string, text: string) => void;
  /** How long a host that was lost is tried, in milliseconds. */
  readonly reconnectMs: number;
  /** How long a host that another run has locked is waited for, in milliseconds. */
  readonly lockWaitMs: number;
  readonly signal: AbortSignal;
  /** Who the run is to other runs. Default: this process, and a new run. */
  readonly run?: RunIdentity;
  /** In how many processes the run logs in, so that all together do not knock too often. Default 1. */
  readonly processes?: number;
}

const connectTimeoutMs = 10_000;

/** Opens hosts by SSH, as their targets say. `close` ends the logins to jump hosts, when all hosts are done with. */
export function connectBySsh(
  targets: ReadonlyMap<string, SshTarget>,
  options: ConnectHostsOptions,
): { readonly connect: Connect; close(): Promise<void> } {
  const { id: run, pid } = options.run ?? newRun();
  const who = `${userName()}@${hostname()} (pid ${pid}, run ${run})`;
  const shared = sharedBy(options);
  const connect: Connect = async (name, progress, notice) => {
    const target = targets.get(name);
    if (!target) throw new ProvisionError({ code: 'BUG', happened: `no connection settings for ${name}` });
    progress(`connecting to ${target.user}@${target.address} port ${target.port}${wayOf(target)}`);
    let forget = () => {};
    const connection = await connectLasting(target, {
      ...shared,
      reconnectMs: options.reconnectMs,
      progress,
      onLost: () => notice({ level: 'warning', text: 'the connection was lost' }),
      onRegained: ({ afterMs, rebooted }) => {
        // The same start of the same machine is still what it was.
        if (rebooted !== false) forget();
        const how = rebooted ? '; the host was started anew in between' : '';
        notice({ level: 'info', text: `reached again after ${Math.round(afterMs / 1000)} s${how}` });
      },
      ...(options.onDebug && { onDebug: (text: string) => options.onDebug?.(name, text) }),
    });
    const { address } = target;
    const host = new RemoteHost({ name, address, connection, progress, clock: Date.now });
    forget = () => host.forgetFacts();
    return {
      host,
      losses: () => connection.losses,
      lock: async () => {
        progress('locking the host');
        // Of each host: one machine under two names is locked by the first, and not taken from it by the second.
        const own = `${run}-${encodeURIComponent(name)}`;
        const holder = `${who} as ${name}`;
        const held = await connection.lock({ run: own, who: holder, waitMs: options.lockWaitMs, progress });
        // Not waited for: it runs before all that comes behind it, and what it leaves, the next run removes.
        sweepPrivateFolders(host).catch(() => undefined);
        if (held.unable !== undefined)
          notice({ level: 'warning', text: `not locked against other runs: ${held.unable}` });
        else if (held.previous.run !== '' && held.previous.run !== own)
          notice({
            level: 'info',
            text: `took over the lock of a run that ended without giving it back: ${held.previous.who}`,
          });
      },
      close: () => connection.close(),
    };
  };
  return { connect, close: () => shared.jumpHosts.close() };
}

/** What all connections of a run have in common. */
function sharedBy({ acceptNew, onAccepted, signal, processes }: ConnectHostsOptions) {
  const { own, system } = usualKnownHosts();
  const base = {
    knownHosts: {
      files: [...own, ...system],
      acceptNew,
      onAccepted: ({ host, fingerprint }: AcceptedHostKey) => onAccepted(host, fingerprint),
    },
    connectTimeoutMs,
    pace: new LogInPace(processes),
    signal,
  };
  return { ...base, jumpHosts: new JumpHosts(base) };
}

function wayOf({ jump }: SshTarget): string {
  return jump ? ` through ${jump.name}${wayOf(jump)}` : '';
}
