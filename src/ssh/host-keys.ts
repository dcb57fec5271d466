import type { ServerHostKeyAlgorithm } from 'ssh2';
import type { ProvisionError } from '../core/errors.ts';
import { judgeHostKey, preferredAlgorithms } from './host-identity.ts';
import type { KnownHost } from './known-hosts.ts';
import { fingerprint, keyType, knownHostLine, knownHostName } from './known-hosts.ts';
import { appendKnownHost, readKnownHosts } from './known-hosts-file.ts';
import type { SshTarget } from './target.ts';
import { oneLine, targetError } from './target.ts';

/** A host key that was taken on first sight. */
export interface AcceptedHostKey {
  /** Name in the inventory. */
  readonly host: string;
  /** `ssh-ed25519`. */
  readonly type: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly file: string;
  readonly line: string;
}

export interface KnownHostsOptions {
  /** Absolute paths; the first is the one that accepted keys are added to. A file that does not exist is empty. */
  readonly files: readonly string[];
  /** Take the key of a host that is not known yet, and remember it. One that has changed is refused all the same. */
  readonly acceptNew: boolean;
  /** Tells a person which key was taken. */
  readonly onAccepted?: (accepted: AcceptedHostKey) => void;
}

/** The decision over the key of one host during one connection. Whatever goes wrong on the way is a refusal. */
export class HostKeys {
  readonly #target: SshTarget;
  readonly #options: KnownHostsOptions;
  readonly #knownHosts: readonly KnownHost[];
  #accepted: Buffer | undefined;
  #isNew = false;

  private constructor(target: SshTarget, options: KnownHostsOptions, knownHosts: readonly KnownHost[]) {
    this.#target = target;
    this.#options = options;
    this.#knownHosts = knownHosts;
  }

  /** @throws ProvisionError `HOSTKEY_UNKNOWN` when a file cannot be read: then no key can be told to be known */
  static async load(target: SshTarget, options: KnownHostsOptions): Promise<HostKeys> {
    try {
      return new HostKeys(target, options, await readKnownHosts(options.files));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw targetError(target, 'HOSTKEY_UNKNOWN', `known hosts cannot be read: ${oneLine(reason)}`, {
        hostState: 'nothing was contacted',
        remedy: 'repair the known_hosts file; what cannot be checked is not trusted',
        cause: error,
      });
    }
  }

  /** The algorithms to ask for, one attempt to connect after the other; several only where the host is pinned. */
  algorithms(): ServerHostKeyAlgorithm[][] {
    const preferred = preferredAlgorithms(this.#target, this.#knownHosts);
    if (this.#target.fingerprint === undefined) return [preferred];
    return ['ssh-ed25519', 'ecdsa-', 'rsa-'].map((type) => preferred.filter((name) => name.startsWith(type)));
  }

  /** @throws ProvisionError `HOSTKEY_UNKNOWN`, `HOSTKEY_CHANGED` or `HOSTKEY_REVOKED` */
  verify(key: Buffer): void {
    // A connection keeps its key: when the session keys are renewed, another one would be another machine.
    if (this.#accepted) {
      if (!this.#accepted.equals(key))
        throw this.#changed(key, fingerprint(this.#accepted), 'this connection');
      return;
    }
    const judged = judgeHostKey(key, this.#target, this.#knownHosts);
    switch (judged.verdict) {
      case 'revoked':
        throw this.#revoked(key, judged.by);
      case 'not-pinned':
        throw this.#changed(key, judged.expected, 'fingerprint in the inventory');
      case 'changed': {
        const { expected } = judged;
        const where = `${expected.type}, ${expected.file}:${expected.line}`;
        throw this.#changed(key, fingerprint(expected.key), where);
      }
      case 'new':
        if (!this.#options.acceptNew) throw this.#unknown(key, judged.authorities);
        this.#isNew = true;
    }
    this.#accepted = Buffer.from(key);
  }

  /** Stores an accepted key. To be called when the host has proven that the key is its own. */
  remember(): void {
    const [file] = this.#options.files;
    if (!this.#isNew || !this.#accepted || file === undefined) return;
    const name = knownHostName(this.#target.address, this.#target.port);
    appendKnownHost(file, name, this.#accepted);
    this.#isNew = false;
    this.#options.onAccepted?.({
      host: this.#target.name,
      type: keyType(this.#accepted) ?? 'unknown',
      fingerprint: fingerprint(this.#accepted),
      file,
      line: knownHostLine(name, this.#accepted),
    });
  }

  #unknown(key: Buffer, authorities: boolean): ProvisionError {
    const name = knownHostName(this.#target.address, this.#target.port);
    const why = authorities
      ? ' (its @cert-authority does not help: certificates of hosts are not supported)'
      : '';
    const [file] = this.#options.files;
    const happened = `the identity of ${name} is unknown${why}: it shows ${keyType(key) ?? 'a key'} ${fingerprint(key)}`;
    return targetError(this.#target, 'HOSTKEY_UNKNOWN', happened, {
      hostState: 'host untouched, no secret was sent',
      remedy:
        'compare with "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" on its console, then: provision trust -i inventory.yaml',
      detail: `line for ${file ?? 'known_hosts'}:\n${knownHostLine(name, key)}`,
    });
  }

  #changed(key: Buffer, expected: string, where: string): ProvisionError {
    const name = knownHostName(this.#target.address, this.#target.port);
    const shown = `${keyType(key) ?? 'a key'} ${fingerprint(key)}`;
    const happened = `${name} shows ${shown}, expected is ${expected} (${where}): another machine, or somebody in between`;
    return targetError(this.#target, 'HOSTKEY_CHANGED', happened, {
      hostState: 'host untouched, no secret was sent',
      remedy:
        'if the machine was set up anew, check its fingerprint on its console and remove the old entry by hand',
    });
  }

  #revoked(key: Buffer, by: KnownHost): ProvisionError {
    const name = knownHostName(this.#target.address, this.#target.port);
    const happened = `${name} shows a key that was revoked: ${fingerprint(key)} (${by.file}:${by.line})`;
    return targetError(this.#target, 'HOSTKEY_REVOKED', happened, {
      hostState: 'host untouched, no secret was sent',
      remedy: 'do not use this host before it has new host keys',
    });
  }
}
