import { beforeEach, describe, expect, it } from 'vitest';
import { exampleFingerprint, exampleKey, otherKey } from '../../test/support/openpgp-keys.ts';
import type { Facts } from '../core/host.ts';
import { problemsOf, ProvisionError } from '../core/errors.ts';
import { MemoryHost } from '../host/memory-host.ts';
import type { DockerEngineProps } from './docker-engine.ts';
import { dockerEngine } from './docker-engine.ts';
import type { EngineEvidence } from './docker-engine-state.ts';
import { classifyEngine } from './docker-engine-state.ts';
import { addDockerRepository } from './docker-repository.ts';

const debian: EngineEvidence = {
  client: '/usr/bin/docker',
  clientFile: '/usr/bin/docker',
  daemon: '/usr/sbin/dockerd',
  packages: 'docker.io containerd runc',
  release: 'Docker version 20.10.24+dfsg1, build 297e128',
  server: '20.10.24+dfsg1',
  security: '[name=seccomp,profile=default]',
  boot: 'enabled',
};

describe('what runs containers on a host', () => {
  it.each<[string, EngineEvidence, string | undefined]>([
    ["the distribution's", debian, 'docker.io'],
    ["Docker's own", { ...debian, packages: 'docker-ce docker-ce-cli containerd.io' }, 'docker-ce'],
    ['one that was built by hand', { ...debian, packages: '' }, 'other'],
    ['podman by its version', { ...debian, release: 'podman version 4.3.1' }, 'podman'],
    ['podman by its package', { ...debian, packages: 'podman-docker' }, 'podman'],
    ['a snap', { ...debian, client: '/snap/bin/docker', clientFile: '/usr/bin/snap', daemon: '' }, 'snap'],
    ['rootless', { ...debian, security: '[name=seccomp,profile=default name=rootless]' }, 'rootless'],
    ['another machine', { ...debian, elsewhere: 'tcp://10.0.0.9:2375' }, 'rootless'],
    ['a client alone', { client: '/usr/bin/docker', packages: 'docker-cli' }, 'client'],
    ['nothing', { client: '', daemon: '', boot: '' }, undefined],
    ['silence', {}, undefined],
  ])('is told apart: %s', (_, evidence, kind) => {
    expect(classifyEngine(evidence)?.kind).toBe(kind);
  });

  it('runs only when an engine says its version', () => {
    expect(classifyEngine(debian)).toMatchObject({ running: true, version: '20.10.24+dfsg1' });
    expect(classifyEngine({ ...debian, server: '' })?.running).toBe(false);
    expect(classifyEngine({ ...debian, server: 'Cannot connect' })?.running).toBe(false);
  });
});

let host: MemoryHost;
let installed: string[];

beforeEach(() => {
  installed = [];
  host = new MemoryHost()
    .answer(/./, '')
    .answer('mktemp -d "/run/provision-docker.', '/run/provision-docker.4711.8150.AbC123\n')
    .answer('is-failed', { code: 1 })
    .answer('dpkg --print-architecture', 'amd64\n')
    .answer(/apt-get.* install/s, (script) => {
      installed.push(...(/ -- ([^\n>]*) 2>/.exec(script)?.[1] ?? '').split(' '));
      return '';
    });
  has({});
});

/** What the host answers to the question for an engine. */
function has(evidence: EngineEvidence): void {
  const text = Object.entries(evidence)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
  host.answer('echo "daemon=', text);
}

async function changesOf(props: DockerEngineProps) {
  const step = dockerEngine(props);
  return step.diff(await step.read(host));
}

async function failure(props: DockerEngineProps) {
  const step = dockerEngine(props);
  const error: unknown = await step
    .read(host)
    .then((have) => step.apply(host, have))
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProvisionError);
  return problemsOf(error)[0];
}

describe('dockerEngine', () => {
  it.each<DockerEngineProps['source']>(['docker', 'distribution'])(
    'takes every proper engine that is there (source %s)',
    async (source) => {
      has(debian);
      expect(await changesOf({ source })).toEqual([]);
      has({ ...debian, packages: 'docker-ce' });
      expect(await changesOf({ source })).toEqual([]);
    },
  );

  it('F43: starts one that is down, and at boot', async () => {
    has({ ...debian, server: '', boot: 'disabled' });
    expect(await changesOf({ source: 'docker' })).toEqual([
      { type: 'value', path: 'running', have: false, want: true },
      { type: 'value', path: 'enabled', have: 'disabled', want: 'enabled' },
    ]);
    const step = dockerEngine({ source: 'docker' });
    await step.apply(host, await step.read(host));
    expect(installed).toEqual([]);
    expect(host.runs.at(-1)).toContain('enable docker.service');
  });

  it('F43: says with the journal why one does not start', async () => {
    has({ ...debian, server: '' });
    host.answer('start docker.service', { code: 1, stderr: 'Job for docker.service failed' });
    host.answer(
      'journalctl',
      'failed to start daemon: unable to configure: /etc/docker/daemon.json: invalid',
    );
    const problem = await failure({ source: 'docker' });
    expect(problem).toMatchObject({
      code: 'DOCKER',
      detail: expect.stringContaining('daemon.json') as string,
    });
    expect(problem.remedy).toContain('daemon.json');
  });

  it("installs the distribution's with what it only recommends and needs", async () => {
    expect((await changesOf({ source: 'distribution' })).map(({ path }) => path)).toEqual([
      'engine',
      'running',
      'enabled',
    ]);
    has({ apparmor: 'Y' });
    host.answer(/^command -v docker >/, { code: 0 });
    await dockerEngine({ source: 'distribution' }).apply(host, undefined);
    expect(installed).toEqual(['docker.io', 'iptables', 'ca-certificates', 'apparmor']);
  });

  it('installs the client where it is a package of its own', async () => {
    const answers = [{ code: 1 }, { code: 0 }];
    host.answer(/^command -v docker >\/dev\/null$/, () => answers.shift()!);
    await dockerEngine({ source: 'distribution' }).apply(host, undefined);
    expect(installed).toContain('docker-cli');
  });

  it.each<[string, EngineEvidence, string]>([
    ['podman', { ...debian, release: 'podman version 4.3.1' }, 'podman-docker'],
    ['a snap', { ...debian, client: '/snap/bin/docker' }, 'snap remove'],
    ['a rootless engine', { ...debian, security: 'name=rootless' }, 'runs as root'],
  ])('F43: refuses %s, and leaves it alone', async (_, evidence, remedy) => {
    has(evidence);
    expect((await changesOf({ source: 'docker' }))[0]).toMatchObject({ path: 'engine' });
    const problem = await failure({ source: 'docker' });
    expect(problem).toMatchObject({ code: 'DOCKER', remedy: expect.stringContaining(remedy) as string });
    expect(host.runs).toEqual([]);
  });

  it.each<[DockerEngineProps['source'], string]>([
    ['docker', 'containerd runc'],
    ['distribution', 'docker-ce-cli containerd.io'],
  ])('F43: removes nothing that is in the way of source %s', async (source, packages) => {
    has({ packages });
    const problem = await failure({ source });
    expect(problem.happened).toContain(packages.split(' ').join(', '));
    expect(host.runs).toEqual([]);
  });

  it.each<[string, Partial<Facts>]>([
    ['another family', { os: 'rocky', osLike: ['rhel', 'fedora'], osName: 'Rocky Linux 9' }],
    ['no systemd', { systemd: false }],
  ])('F55: refuses a host without an engine in check mode already: %s', async (_, facts) => {
    host.setFacts(facts);
    await expect(changesOf({ source: 'distribution' })).rejects.toThrow('UNSUPPORTED');
    has(debian);
    expect(await changesOf({ source: 'distribution' })).toEqual([]);
  });

  it.each([
    { source: 'distribution', version: '28.1' },
    { source: 'docker', version: 'latest' },
    { source: 'docker', version: '28.1*' },
  ] as const)('refuses %j', (props) => {
    expect(() => dockerEngine(props)).toThrow('PLAYBOOK');
  });
});

describe("Docker's own repository", () => {
  const download = (key: string) =>
    host.answer('download-file', () => {
      host.file('/run/provision-docker.4711.8150.AbC123/docker.asc', key);
      return '';
    });

  it('is added with a key that has the right fingerprint', async () => {
    download(exampleKey);
    await addDockerRepository(host, exampleFingerprint);
    expect(host.runs.find((script) => script.includes('download-file'))).toContain(
      'https://download.docker.com/linux/debian/gpg',
    );
    expect(host.writes.map(({ path, content, mode }) => [path, content, mode])).toEqual([
      ['/etc/apt/keyrings/docker.asc', exampleKey, '0644'],
      [
        '/etc/apt/sources.list.d/docker.sources',
        `Types: deb
URIs: https://download.docker.com/linux/debian
Suites: bookworm
Components: stable
Architectures: amd64
Signed-By: /etc/apt/keyrings/docker.asc
`,
        '0644',
      ],
    ]);
  });

  it.each([
    ['another key', otherKey],
    ['a page of a captive portal', '<html>'],
  ])('S43: is not added with %s, and nothing is installed', async (_, key) => {
    download(key);
    expect(await failure({ source: 'docker' })).toMatchObject({
      code: 'PACKAGE',
      hostState: 'the key was not trusted and nothing was installed',
    });
    expect(host.writes).toEqual([]);
    expect(installed).not.toContain('docker-ce');
  });

  it('is not added without its key', async () => {
    host.answer('download-file', { code: 100, stderr: 'E: Failed to fetch' });
    expect((await failure({ source: 'docker' })).happened).toContain(
      '/linux/debian/gpg could not be fetched',
    );
    expect(host.writes).toEqual([]);
  });

  it('is taken as it is when the host knows it already', async () => {
    host.answer('grep -rlsF', '/etc/apt/sources.list.d/docker.list\n');
    await addDockerRepository(host, exampleFingerprint);
    expect(host.writes).toEqual([]);
  });

  it('does not exist for a derivative', async () => {
    host.setFacts({ os: 'linuxmint', osLike: ['ubuntu', 'debian'], osCodename: 'virginia' });
    await expect(addDockerRepository(host, exampleFingerprint)).rejects.toThrow('UNSUPPORTED');
  });

  it('gives the version that was asked for', async () => {
    host.answer('grep -rlsF', '/etc/apt/sources.list.d/docker.list\n');
    await dockerEngine({ source: 'docker', version: '28.1' }).apply(host, undefined);
    expect(host.runs.join('\n')).toContain('docker-ce=5:28.1.*');
    await dockerEngine({ source: 'docker', version: '28.1.1' }).apply(host, undefined);
    expect(host.runs.join('\n')).toContain('docker-ce-cli=5:28.1.1-*');
  });
});
