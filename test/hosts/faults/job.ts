import { expect } from 'vitest';
import type { Problem } from 'provision';
import type { ProvisionResult } from '../support/provision.ts';
import { folderWith, provision } from '../support/provision.ts';
import type { TestHost } from '../support/test-host.ts';

/** How a host of a job is reached. */
export interface Entry {
  readonly port: number;
  readonly fingerprint: string;
  readonly key: string;
}

export const entryOf = (host: TestHost, port = host.port): Entry => ({
  port,
  fingerprint: host.hostKeyFingerprint,
  key: host.privateKeyPath,
});

/** A playbook of a few steps, and an inventory: what a user has when something goes wrong. */
export class Job {
  readonly #folder: ReturnType<typeof folderWith>;
  readonly playbook: string;

  /** @param steps expressions of TypeScript, in the names of `provision` */
  constructor(steps: string) {
    this.#folder = folderWith({
      'playbook.ts': `import * as provision from 'provision';
const { action, clock, container, file, inventory, onChange, osFamily, pkg, playbook, portsFree, resource, service, sh } = provision;
const site = inventory({ web: {} });
export default playbook(site.play('web', () => [${steps}]));
`,
    });
    this.playbook = this.#folder.file('playbook.ts');
  }

  inventory(hosts: Readonly<Record<string, Entry>>): string {
    const lines = Object.entries(hosts).map(
      ([name, { port, fingerprint, key }]) =>
        `    ${name}: { host: 127.0.0.1, port: ${port}, user: root, fingerprint: '${fingerprint}', key: ${key} }`,
    );
    return folderWith({ 'inventory.yaml': `web:\n  hosts:\n${lines.join('\n')}\n` }).file('inventory.yaml');
  }

  run(
    hosts: Readonly<Record<string, Entry>>,
    args: readonly string[] = [],
    options?: Parameters<typeof provision>[1],
  ): Promise<ProvisionResult> {
    return provision([this.playbook, '-i', this.inventory(hosts), ...args], options);
  }

  /** The plain run after a fault ends well, and the one after it has nothing to do. */
  async converges(hosts: Readonly<Record<string, Entry>>): Promise<void> {
    const next = await this.run(hosts);
    expect(next, next.stdout + next.stderr).toMatchObject({ exit: 0 });
    const after = await this.run(hosts);
    expect(after).toMatchObject({ exit: 0 });
    expect(after.statuses.filter((status) => !/: (ok|skipped)$/.test(status))).toEqual([]);
  }
}

/** The problems that one host had. */
export function problemsOn({ steps }: ProvisionResult, host: string): Problem[] {
  return steps.filter((step) => step.host === host).flatMap((step) => step.problems ?? []);
}
