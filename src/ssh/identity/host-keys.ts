import type { ProvisionError } from '../../core/errors.ts';
import { algorithmAttempts, judgeHostKey } from './host-identity.ts';
import type { KnownHost } from './known-hosts.ts';
import { fingerprint, keyType, knownHostLine, knownHostName } from './known-hosts.ts';
import { appendKnownHosts, readKnownHosts } from './known-hosts-file.ts';
import { readShownHostKey } from './shown-host-key.ts';
import type { SshTarget } from '../target.ts';
import { oneLine, targetError } from '../target.ts';

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

/** The target under the name by which known_hosts have its key. */
export function underAlias(target: SshTarget): SshTarget {
  return target.hostKeyAlias === undefined ? target : { ...target, address: target.hostKeyAlias, port: 22 };
}

function ownKnownHosts(target: SshTarget, options: KnownHostsOptions): KnownHostsOptions {
  const { knownHostsFiles: files = options.files, acceptNew = false } = target;
  return { ...options, files, acceptNew: options.acceptNew || acceptNew };
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
    const own = ownKnownHosts(target, options);
    try {
      return new HostKeys(underAlias(target), own, await readKnownHosts(own.files));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw targetError(target, 'HOSTKEY_UNKNOWN', `known hosts cannot be read: ${oneLine(reason)}`, {
        hostState: 'nothing was contacted',
        remedy: 'repair the known_hosts file; what cannot be checked is not trusted',
        cause: error,
      });
    }
  }

  /** The algorithms to ask for, one attempt to connect after the other. */
  algorithms(): string[][] {
    return algorithmAttempts(this.#target, this.#knownHosts);
  }

  /**
   * @param wire what the host shows: a key or a certificate
   * @throws ProvisionError `HOSTKEY_UNKNOWN`, `HOSTKEY_CHANGED` or `HOSTKEY_REVOKED`
   * @throws Error when a certificate is damaged
   */
  verify(wire: Buffer): void {
    const shown = readShownHostKey(wire);
    const { key } = shown;
    // A connection keeps its key: when the session keys are renewed, another one would be another machine.
    if (this.#accepted) {
      if (!this.#accepted.equals(key))
        throw this.#changed(key, fingerprint(this.#accepted), 'this connection');
      return;
    }
    const judged = judgeHostKey(shown, this.#target, this.#knownHosts, Date.now());
    switch (judged.verdict) {
      case 'revoked':
        throw this.#revoked(key, judged);
      case 'not-pinned':
        throw this.#changed(key, judged.expected, 'fingerprint in the inventory');
      case 'changed': {
        const { expected, why } = judged;
        const where = `${expected.type}, ${expected.file}:${expected.line}`;
        throw this.#changed(key, fingerprint(expected.key), where, why);
      }
      case 'not-vouched':
        throw this.#notVouched(key, judged.why);
      case 'new':
        if (!this.#options.acceptNew) throw this.#unknown(key, judged.why);
        this.#isNew = true;
    }
    this.#accepted = key;
  }

  /** Stores an accepted key. To be called when the host has proven that the key is its own. */
  remember(): void {
    const [file] = this.#options.files;
    if (!this.#isNew || !this.#accepted || file === undefined) return;
    const name = knownHostName(this.#target.address, this.#target.port);
    appendKnownHosts(file, [{ name, key: this.#accepted }]);
    this.#isNew = false;
    this.#options.onAccepted?.({
      host: this.#target.name,
      type: keyType(this.#accepted) ?? 'unknown',
      fingerprint: fingerprint(this.#accepted),
      file,
      line: knownHostLine(name, this.#accepted),
    });
  }

  #unknown(key: Buffer, why?: string): ProvisionError {
    const name = this.#name();
    const [file] = this.#options.files;
    const happened = `the identity of ${name} is unknown: it shows ${described(key)}${because(why)}`;
    return this.#refusal('HOSTKEY_UNKNOWN', happened, {
      remedy:
        'compare with "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" on its console, then: provision trust -i inventory.yaml',
      detail: `line for ${file ?? 'known_hosts'}:\n${knownHostLine(name, key)}`,
    });
  }

  #notVouched(key: Buffer, why: string): ProvisionError {
    const happened = `nobody vouches for ${this.#name()}, which shows ${described(key)}${because(why)}`;
    return this.#refusal('HOSTKEY_UNKNOWN', happened, {
      remedy:
        'give the host a certificate of the authority that the inventory names in host_ca (HostCertificate in its sshd_config)',
    });
  }

  #changed(key: Buffer, expected: string, where: string, why?: string): ProvisionError {
    const shown = `${this.#name()} shows ${described(key)}, expected is ${expected} (${where})`;
    return this.#refusal(
      'HOSTKEY_CHANGED',
      `${shown}: another machine, or somebody in between${because(why)}`,
      {
        remedy:
          'if the machine was set up anew, check its fingerprint on its console and remove the old entry by hand',
      },
    );
  }

  #revoked(key: Buffer, { what, by }: { readonly what: 'key' | 'authority'; readonly by: KnownHost }) {
    const shown =
      what === 'key'
        ? `a key that was revoked: ${fingerprint(key)}`
        : `a certificate of an authority that was revoked: ${fingerprint(by.key)}`;
    return this.#refusal('HOSTKEY_REVOKED', `${this.#name()} shows ${shown} (${by.file}:${by.line})`, {
      remedy: 'do not use this host before it has new host keys',
    });
  }

  #refusal(
    code: 'HOSTKEY_UNKNOWN' | 'HOSTKEY_CHANGED' | 'HOSTKEY_REVOKED',
    happened: string,
    more: { readonly remedy: string; readonly detail?: string },
  ): ProvisionError {
    return targetError(this.#target, code, happened, {
      hostState: 'host untouched, no secret was sent',
      ...more,
    });
  }

  #name(): string {
    return knownHostName(this.#target.address, this.#target.port);
  }
}

function described(key: Buffer): string {
  return `${keyType(key) ?? 'a key'} ${fingerprint(key)}`;
}

function because(why: string | undefined): string {
  return why === undefined ? '' : `; ${why}`;
}
