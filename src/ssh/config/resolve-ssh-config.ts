import type { Problem } from '../../core/errors.ts';
import type { JumpName } from '../../core/jump-name.ts';
import { canonicalHost, isUser } from '../../core/jump-name.ts';
import { expandPath, type PathWorld } from './expand-path.ts';
import type { SshConfig } from './load-ssh-config.ts';
import type { ConfigQuery, MatchedConfig, Placed } from './match-ssh-config.ts';
import { matchSshConfig } from './match-ssh-config.ts';
import { configProblem, shown } from './parse-ssh-config.ts';

/** What a configuration of ssh says about one host, every value checked; what it does not say is absent. */
export interface HostConfig {
  /** IP address or DNS name. */
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  /** Absolute paths of private keys, in the order in which they are tried; none at all when it says `none`. */
  readonly identityFiles?: readonly string[];
  /** Absolute path of the certificate for the one identity file that there is. */
  readonly certificateFile?: string;
  /** No key of an agent that is not named. */
  readonly identitiesOnly?: boolean;
  /** Path of the agent's socket; false for none at all. */
  readonly agent?: string | false;
  /** The nearest hop first; none at all when it says `none`. */
  readonly jump?: readonly JumpName[];
  /** The name under which the host key is looked up. */
  readonly hostKeyAlias?: string;
  /** Absolute paths; the first is the one that accepted keys are added to. */
  readonly userKnownHosts?: readonly string[];
  readonly globalKnownHosts?: readonly string[];
  /** Take the key of a host that is not known yet. */
  readonly acceptNew?: boolean;
  /** In seconds; 0 is never said. */
  readonly keepaliveInterval?: number;
  readonly keepaliveCount?: number;
  /** In seconds; 0 is never said. */
  readonly connectTimeout?: number;
  readonly addressFamily?: 4 | 6;
  /** Ways of logging in that are switched off. */
  readonly without: readonly ('publickey' | 'password' | 'keyboard-interactive')[];
}

/** What the command line knows of the machine that it runs on. */
export interface ConfigWorld {
  readonly home: string;
  /** Where relative paths start; absolute. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly localUser: string;
  readonly localHost: string;
  readonly userId: number;
}

export interface ResolvedConfig {
  readonly config: HostConfig;
  readonly problems: readonly Problem[];
  readonly warnings: MatchedConfig['warnings'];
}

/**
 * What a configuration says about one host, with everything that is wrong with it or cannot be done.
 * @see ssh_config(5)
 * @example
 * const { config, problems } = resolveSshConfig(await loadSshConfig(files, home), { host: 'web-1', localUser: 'me' }, world);
 */
export function resolveSshConfig(config: SshConfig, query: ConfigQuery, world: ConfigWorld): ResolvedConfig {
  const matched = matchSshConfig(config, query);
  const resolver = new Resolver(matched, query, world);
  return { config: resolver.resolve(), problems: resolver.problems, warnings: matched.warnings };
}

class Resolver {
  readonly problems: Problem[];
  readonly #matched: MatchedConfig;
  readonly #query: ConfigQuery;
  readonly #world: ConfigWorld;

  constructor(matched: MatchedConfig, query: ConfigQuery, world: ConfigWorld) {
    this.problems = [...matched.problems];
    this.#matched = matched;
    this.#query = query;
    this.#world = world;
  }

  resolve(): HostConfig {
    const { first } = this.#matched;
    const host = this.#host();
    const user = this.#user();
    const paths = this.#pathWorld(host, user);
    this.#refuseTrustingAll();
    const keepaliveInterval = first.serveraliveinterval?.value;
    const connectTimeout = first.connecttimeout?.value;
    return defined({
      host,
      port: first.port?.value,
      user,
      identityFiles: this.#identityFiles(paths),
      certificateFile: this.#certificateFile(paths),
      identitiesOnly: isYes(first.identitiesonly?.value),
      agent: this.#agent(paths),
      jump: first.proxyjump?.value,
      hostKeyAlias: this.#hostKeyAlias(),
      userKnownHosts: this.#knownHosts(first.userknownhostsfile, paths),
      globalKnownHosts: this.#knownHosts(first.globalknownhostsfile, paths),
      acceptNew: first.stricthostkeychecking && first.stricthostkeychecking.value === 'accept-new',
      keepaliveInterval: keepaliveInterval === 0 ? undefined : keepaliveInterval,
      keepaliveCount: first.serveralivecountmax?.value,
      connectTimeout: connectTimeout === 0 ? undefined : connectTimeout,
      addressFamily: ({ inet: 4, inet6: 6, any: undefined } as const)[first.addressfamily?.value ?? 'any'],
      without: this.#without(),
    });
  }

  #host(): string {
    const { host } = this.#matched;
    const canonical = canonicalHost(host.value);
    if (canonical !== undefined) return canonical;
    if ('at' in host) {
      this.#report(
        host.at,
        `"${shown(host.value)}" is neither an IP address nor a host name`,
        'correct HostName',
      );
    }
    return this.#query.host;
  }

  #user(): string | undefined {
    const { user } = this.#matched.first;
    if (!user || this.#query.user !== undefined) return undefined;
    if (isUser(user.value)) return user.value;
    this.#report(user.at, `"${shown(user.value)}" is no login name`, 'correct User');
    return undefined;
  }

  #hostKeyAlias(): string | undefined {
    const alias = this.#matched.first.hostkeyalias;
    if (!alias) return undefined;
    // It is looked up and written in known_hosts, where blanks and commas mean something.
    const fits = /^[A-Za-z0-9_][A-Za-z0-9._:-]{0,252}$|^\[[A-Za-z0-9._:-]+\]:\d{1,5}$/.test(alias.value);
    if (fits) return alias.value.toLowerCase();
    this.#report(
      alias.at,
      `"${shown(alias.value)}" cannot name a host key`,
      'use letters, digits, . _ : and -',
    );
    return undefined;
  }

  #identityFiles(paths: PathWorld): string[] | undefined {
    const files = this.#matched.identityFiles;
    if (files.length === 0) return undefined;
    const expanded = files.flatMap((file) =>
      file.value.toLowerCase() === 'none' ? [] : (this.#path(file, paths) ?? []),
    );
    return [...new Set(expanded)];
  }

  #agent(paths: PathWorld): string | false | undefined {
    const agent = this.#matched.first.identityagent;
    if (!agent || agent.value === 'SSH_AUTH_SOCK') return undefined;
    if (agent.value.toLowerCase() === 'none') return false;
    const variable = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(agent.value)?.[1];
    return this.#path(variable === undefined ? agent : { ...agent, value: `\${${variable}}` }, paths);
  }

  #knownHosts(files: Placed<readonly string[]> | undefined, paths: PathWorld): string[] | undefined {
    if (!files) return undefined;
    // What is written to no file is forgotten, and what is read from it is nothing.
    if (files.value[0]!.toLowerCase() === 'none') return ['/dev/null'];
    return files.value.flatMap((value) => this.#path({ value, at: files.at }, paths) ?? []);
  }

  #path(file: Placed<string>, paths: PathWorld): string | undefined {
    const expanded = expandPath(file.value, paths);
    if ('value' in expanded) return expanded.value;
    this.#report(file.at, expanded.fault, 'see "man ssh_config", TOKENS');
    return undefined;
  }

  #refuseTrustingAll(): void {
    const strict = this.#matched.first.stricthostkeychecking;
    if (!strict || !['no', 'off', 'false'].includes(strict.value)) return;
    this.#report(
      strict.at,
      `StrictHostKeyChecking ${strict.value} for ${this.#query.host}: a host that is not known would be trusted with root`,
      'use accept-new, or store its key with: provision trust',
    );
  }

  /** Which of several keys a certificate is for would be a guess here. */
  #certificateFile(paths: PathWorld): string | undefined {
    const { certificateFiles, identityFiles } = this.#matched;
    const [certificate, another] = certificateFiles.filter(({ value }) => value.toLowerCase() !== 'none');
    if (!certificate) return undefined;
    if (!another && identityFiles.length === 1) return this.#path(certificate, paths);
    const happened = `CertificateFile for ${this.#query.host} needs exactly one IdentityFile beside it`;
    const remedy = 'or name it as its key with "-cert.pub" behind: then it is found by itself';
    this.#report(certificate.at, happened, remedy);
    return undefined;
  }

  #without(): HostConfig['without'] {
    const { first } = this.#matched;
    const isNo = (value: string | undefined) => value === 'no' || value === 'false';
    return [
      ...(isNo(first.pubkeyauthentication?.value) ? (['publickey'] as const) : []),
      ...(isNo(first.passwordauthentication?.value) ? (['password'] as const) : []),
      ...(isNo(first.kbdinteractiveauthentication?.value) ? (['keyboard-interactive'] as const) : []),
    ];
  }

  /** `%C` is left out: what it stands for is not the same in all releases of OpenSSH. */
  #pathWorld(host: string, user: string | undefined): PathWorld {
    const { home, folder, environment, localUser, localHost, userId } = this.#world;
    const { first } = this.#matched;
    const tokens = {
      d: home,
      h: host,
      i: String(userId),
      k: first.hostkeyalias?.value ?? this.#query.host,
      L: localHost.split('.')[0]!,
      l: localHost,
      n: this.#query.host,
      p: String(this.#query.port ?? first.port?.value ?? 22),
      r: this.#query.user ?? user ?? localUser,
      u: localUser,
    };
    return { home, folder, environment, tokens };
  }

  #report(at: Placed<unknown>['at'], happened: string, remedy: string): void {
    this.problems.push(configProblem(at, happened, remedy));
  }
}

function isYes(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === 'yes' || value === 'true';
}

/** Without the keys that have no value, so that they never hide a default. */
function defined<T extends { [K in keyof T]: T[K] }>(
  object: T,
): { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
} {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
