import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { certificateFiles } from '../support/certificates.ts';
import { labInventory } from '../support/lab-inventory.ts';
import type { Lab } from '../support/lab.ts';
import { folderWith } from '../support/provision.ts';

export const registryLogin = { user: 'puller', password: 'canary-of-the-killed-runs' };

/** Two releases of the stand-in that are up at once. */
export const releases = ['v2.8.5-fast', 'v2.8.6-fast'];

export interface SiteOptions {
  readonly user: 'root' | 'deploy';
  readonly certificate: 'own-ca' | 'private-ca';
  /** Whether the inventory names the keys of the hosts, or they are stored when they are first seen. */
  readonly identity: 'pinned' | 'accept-new';
  /** Default: the one of the product. */
  readonly playbook?: string;
}

/** The smallest site: nothing is left to chance but the moment of a blow. */
export const plainSite: SiteOptions = { user: 'root', certificate: 'own-ca', identity: 'pinned' };

/** What a person wants of a lab, and changes his mind about: an inventory with its files. */
export class Site {
  readonly hostname = 'rancher.kills.test';
  readonly #lab: Lab;
  readonly #options: SiteOptions;
  readonly #folder = folderWith({
    ...certificateFiles(this.hostname),
    'registry-password': registryLogin.password,
  });
  #release = 0;
  #audit = 0;
  #port = 0;

  constructor(lab: Lab, options: SiteOptions) {
    this.#lab = lab;
    this.#options = options;
    mkdirSync(this.home, { mode: 0o700 });
  }

  /** Of the user who runs provision: her known_hosts is in it. */
  get home(): string {
    return this.#folder.file('home');
  }

  get privateCa(): string {
    return this.#folder.file('private-ca');
  }

  nextRelease(): void {
    this.#release++;
  }

  nextAudit(): void {
    this.#audit++;
  }

  nextPort(): void {
    this.#port++;
  }

  renew(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files))
      writeFileSync(this.#folder.file(name), content, { mode: 0o600 });
  }

  /** Forgets the private CA and the known hosts. */
  forget(): void {
    for (const path of [this.privateCa, `${this.home}/.ssh`]) rmSync(path, { recursive: true, force: true });
  }

  /** Writes the inventory anew, and returns what the command line is given for it. */
  args(ports: { readonly rancher: number; readonly lb: number }): string[] {
    const { user, certificate, identity, playbook } = this.#options;
    const inventory = this.#folder.file('inventory.yaml');
    const text = labInventory(this.#lab, {
      hostname: this.hostname,
      user,
      ports,
      pinned: identity === 'pinned',
      certificate:
        certificate === 'own-ca'
          ? '{ option: own-ca, chain: chain.pem, key: key.pem, ca: ca.pem }'
          : '{ option: private-ca }',
      rancher: `    image: rancher/rancher:${releases[this.#release % releases.length]}
    registry: { url: 'registry:5000', username: ${registryLogin.user}, password: { file: registry-password } }
    audit: ${['off', 'request'][this.#audit % 2]}
    ready_timeout: 60`,
      lb: `    http_port: ${80 + (this.#port % 9)}`,
    });
    writeFileSync(inventory, text);
    return [
      ...(playbook === undefined ? [] : [playbook]),
      ...['-i', inventory],
      ...(identity === 'accept-new' ? ['--accept-new'] : []),
      // A controller that lost its power keeps the lock for a minute.
      ...['--lock-wait', '180'],
    ];
  }

  remove(): void {
    rmSync(this.#folder.path, { recursive: true, force: true });
  }
}
