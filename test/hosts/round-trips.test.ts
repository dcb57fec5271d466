import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFiles } from './support/certificates.ts';
import { countedRun, type CountedRun } from './support/counted-run.ts';
import { labInventory } from './support/lab-inventory.ts';
import { startLab, type Lab } from './support/lab.ts';
import { folderWith } from './support/provision.ts';
import { loadStandIn } from './support/stand-in-image.ts';

/*
 * What is counted is what steps ask of a host: a round trip is everything that is asked before an answer is there, and an HTTP
 * exchange through the host is one of the questions. Login, lock and what comes with them are apart.
 */
const hostname = 'rancher.trips.test';
let lab: Lab;
let folder: ReturnType<typeof folderWith>;

beforeAll(async () => {
  folder = folderWith(certificateFiles(hostname));
  lab = await startLab({ rancher: { software: 'docker' }, lb: { software: 'nginx' } });
  await loadStandIn(lab.rancher, ['v2.8.5']);
});
afterAll(() => lab.stop());

const statusesOf = (run: CountedRun) => new Set(run.steps.map(({ status }) => status));

function expectFewReads({ hosts }: CountedRun, most: number): void {
  for (const [host, { reads, steps }] of hosts)
    expect(reads, `${reads} reads of ${steps} steps on ${host}`).toBeLessThanOrEqual(most * steps);
}

describe('the main playbook', () => {
  const inventory = () => {
    const text = labInventory(lab, {
      hostname,
      certificate: '{ option: own-ca, chain: chain.pem, key: key.pem, ca: ca.pem }',
      rancher: '    image: rancher/rancher:v2.8.5\n    audit: request',
    });
    const file = folder.file('inventory.yaml');
    writeFileSync(file, text);
    return file;
  };

  test('reads each step three times at most in its first run', async () => {
    const run = await countedRun({ inventory: inventory() });
    expect(run.exit).toBe(0);
    expect(statusesOf(run)).toEqual(new Set(['ok', 'changed']));
    expectFewReads(run, 3);
  });

  test('takes three round trips a host at most when nothing changes, and reads each step once', async () => {
    const run = await countedRun({ inventory: inventory() });
    expect(statusesOf(run)).toEqual(new Set(['ok']));
    expectFewReads(run, 1);
    expect([...run.hosts.keys()].sort()).toEqual(['lb-1', 'rancher-1']);
    for (const [host, { trips }] of run.hosts)
      expect(trips.count, `${host}\n${trips.asked.join('\n')}`).toBeLessThanOrEqual(3);
  });
});

describe('25 steps of a small web server', () => {
  const typical = () => {
    const { port, hostKeyFingerprint: fingerprint, privateKeyPath: key } = lab.lb;
    const hosts = { 'web-1': { host: '127.0.0.1', port, fingerprint } };
    const file = folder.file('typical.json');
    writeFileSync(
      file,
      JSON.stringify({ bench: { vars: { workload: 'typical', user: 'root', key }, hosts } }),
    );
    return { inventory: file, playbook: fileURLToPath(new URL('../../bench/playbook.ts', import.meta.url)) };
  };

  test('are read three times each at most when all of them change', async () => {
    const run = await countedRun(typical());
    expect(run.steps).toHaveLength(25);
    expect(statusesOf(run)).toEqual(new Set(['changed']));
    expectFewReads(run, 3);
  });

  test('are one round trip when nothing changes', async () => {
    const run = await countedRun(typical());
    expect(statusesOf(run)).toEqual(new Set(['ok']));
    expectFewReads(run, 1);
    expect(run.hosts.get('web-1')!.trips.count).toBe(1);
  });
});
