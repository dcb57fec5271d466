import { homedir, hostname, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { formatProblem, throwProblems, type Problem } from '../core/errors.ts';
import type { JumpName } from '../core/jump-name.ts';
import { formatLocation } from '../core/source.ts';
import type { ConnectionSettings } from '../inventory/connection-settings.ts';
import { loadSshConfig, usualConfigFiles, type SshConfig } from '../ssh/config/load-ssh-config.ts';
import type { ConfigQuery } from '../ssh/config/match-ssh-config.ts';
import { resolveSshConfig, type HostConfig, type ResolvedConfig } from '../ssh/config/resolve-ssh-config.ts';
import type { SshTarget } from '../ssh/target.ts';

/** Files in which host keys are looked up where nothing else is said; new ones go into the first. */
export function usualKnownHosts(): { own: readonly string[]; system: readonly string[] } {
  const own = ['known_hosts', 'known_hosts2'].map((name) => join(homedir(), '.ssh', name));
  return { own, system: ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'] };
}

/**
 * Inventory and configuration of ssh together: what the inventory says wins.
 * @example
 * const ssh = await SshSettings.load('none');
 * const { targets } = ssh.resolve(connections.values(), connections);
 */
export class SshSettings {
  readonly #config: SshConfig;

  private constructor(config: SshConfig) {
    this.#config = config;
  }

  /** @param file instead of the usual ones; `none` for none at all */
  static async load(file: string | undefined): Promise<SshSettings> {
    const named = file === undefined ? undefined : [{ path: resolve(file), own: true, required: true }];
    const files = file === 'none' ? [] : (named ?? usualConfigFiles(homedir()));
    return new SshSettings(await loadSshConfig(files, homedir()));
  }

  /** Where a host is that is named like this. */
  hostName({ name, user, port }: { name: string; user?: string; port?: number }): string {
    const query = { host: name, ...(user !== undefined && { user }), ...(port !== undefined && { port }) };
    return this.#ask(query).config.host;
  }

  /**
   * Everything that is needed to reach hosts. Hosts on the way that are in the inventory are reached as it says.
   * @throws ProvisionError `SSH_CONFIG` with every problem of every host
   */
  resolve(
    wanted: Iterable<ConnectionSettings>,
    inventory: ReadonlyMap<string, ConnectionSettings>,
  ): { targets: Map<string, SshTarget>; warnings: string[] } {
    const composer = new Composer((query) => this.#ask(query), inventory);
    const targets = new Map<string, SshTarget>();
    for (const settings of wanted) targets.set(settings.name, composer.target(settings));
    throwProblems(unique([...this.#config.problems, ...composer.problems]));
    return { targets, warnings: [...composer.warnings] };
  }

  #ask(query: Omit<ConfigQuery, 'localUser'>): ResolvedConfig {
    const { username: localUser, uid: userId } = userInfo();
    return resolveSshConfig(
      this.#config,
      { ...query, localUser },
      {
        home: homedir(),
        folder: process.cwd(),
        environment: process.env,
        localUser,
        localHost: hostname(),
        userId,
      },
    );
  }
}

class Composer {
  readonly problems: Problem[] = [];
  readonly warnings = new Set<string>();
  readonly #ask: (query: Omit<ConfigQuery, 'localUser'>) => ResolvedConfig;
  readonly #inventory: ReadonlyMap<string, ConnectionSettings>;

  constructor(
    ask: (query: Omit<ConfigQuery, 'localUser'>) => ResolvedConfig,
    inventory: ReadonlyMap<string, ConnectionSettings>,
  ) {
    this.#ask = ask;
    this.#inventory = inventory;
  }

  target(settings: ConnectionSettings, way?: readonly JumpName[], behind: readonly string[] = []): SshTarget {
    const { unsaid, jump: ownWay, becomeMethod, ...rest } = settings;
    const given = way ?? ownWay;
    const config = this.#configOf(settings, given !== undefined);
    const user = unsaid.has('user') ? (config.user ?? settings.user) : settings.user;
    const become = unsaid.has('become') ? (user === 'root' ? 'none' : becomeMethod) : settings.become;
    const port = unsaid.has('port') ? (config.port ?? settings.port) : settings.port;
    const jump = this.#last(given ?? config.jump ?? [], [...behind, settings.name], settings.name);
    return {
      ...rest,
      ...identities(settings, config),
      ...trust(config),
      ...timing(config),
      address: config.host,
      port,
      user,
      become,
      ...(config.addressFamily && { addressFamily: config.addressFamily }),
      ...(config.without.length > 0 && { without: config.without }),
      ...(jump && { jump }),
    };
  }

  #configOf({ address, user, port, unsaid }: ConnectionSettings, hasJump: boolean): HostConfig {
    const { config, problems, warnings } = this.#ask({
      host: address,
      hasJump,
      ...(!unsaid.has('user') && { user }),
      ...(!unsaid.has('port') && { port }),
    });
    this.problems.push(...problems);
    for (const { at, text } of warnings) this.warnings.add(`${formatLocation(at)} — ${text}`);
    return config;
  }

  /** The last host on a way; only the first one on it goes the way that its own settings say. */
  #last(way: readonly JumpName[], behind: readonly string[], host: string): SshTarget | undefined {
    const last = way.at(-1);
    if (!last) return undefined;
    const names = [...behind, last.host];
    if (behind.includes(last.host) || names.length > 10) {
      this.problems.push({
        code: 'SSH_CONFIG',
        host: behind[0]!,
        happened: `the way to ${host} goes in a circle: ${names.join(' < ')}`,
        remedy:
          'say "ProxyJump none", or "jump: none" in the inventory, for the host that is reached directly',
      });
      return undefined;
    }
    const before = way.slice(0, -1);
    return this.target(this.#settingsOf(last), before.length > 0 ? before : undefined, behind);
  }

  #settingsOf({ host, user, port }: JumpName): ConnectionSettings {
    const known = this.#inventory.get(host);
    const own: ConnectionSettings = known ?? {
      name: host,
      address: host,
      port: 22,
      user: userInfo().username,
      unsaid: new Set(['user', 'port', 'become']),
      become: 'none',
      becomeMethod: 'sudo',
    };
    const unsaid = new Set(own.unsaid);
    if (user !== undefined) unsaid.delete('user');
    if (port !== undefined) unsaid.delete('port');
    return { ...own, ...(user !== undefined && { user }), ...(port !== undefined && { port }), unsaid };
  }
}

const usualKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

function identities(settings: ConnectionSettings, config: HostConfig): Partial<SshTarget> {
  const { passphrase } = settings;
  const socket = config.agent ?? process.env['SSH_AUTH_SOCK'];
  const agent = typeof socket === 'string' && socket !== '' ? { agent: socket } : {};
  if (settings.keyFile !== undefined) return agent;
  const named = config.identityFiles?.map((keyFile) => ({
    keyFile,
    ...(passphrase && { passphrase }),
    ...(config.certificateFile !== undefined && { certificateFile: config.certificateFile }),
  }));
  const usual = usualKeys.map((name) => ({
    keyFile: join(homedir(), '.ssh', name),
    ...(passphrase && { passphrase }),
    isDefault: true,
  }));
  return {
    ...agent,
    identities: named ?? usual,
    ...(config.identitiesOnly && { identitiesOnly: true }),
  };
}

function trust({
  hostKeyAlias,
  userKnownHosts,
  globalKnownHosts,
  acceptNew,
}: HostConfig): Partial<SshTarget> {
  const usual = usualKnownHosts();
  const isSaid = userKnownHosts ?? globalKnownHosts;
  return {
    ...(isSaid && {
      knownHostsFiles: [...(userKnownHosts ?? usual.own), ...(globalKnownHosts ?? usual.system)],
    }),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    ...(acceptNew && { acceptNew }),
  };
}

function timing({ keepaliveInterval, keepaliveCount, connectTimeout }: HostConfig): Partial<SshTarget> {
  const isSaid = keepaliveInterval ?? keepaliveCount;
  return {
    ...(isSaid !== undefined && {
      keepalive: { intervalMs: (keepaliveInterval ?? 10) * 1000, countMax: keepaliveCount ?? 3 },
    }),
    ...(connectTimeout !== undefined && { connectTimeoutMs: connectTimeout * 1000 }),
  };
}

function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
}
