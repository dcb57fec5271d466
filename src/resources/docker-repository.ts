import { problemsOf, ProvisionError } from '../core/errors.ts';
import type { Facts, Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { apt } from './apt.ts';
import { withPrivateFolder } from './docker-private-folder.ts';
import { dockerFingerprint, requireSigningKey } from './docker-signing-key.ts';

/**
 * Lets apt know Docker's own packages, and returns how to undo it. A host that knows them already stays as it is.
 * The key is fetched by the host, with apt's own proxy settings, and trusted only when its fingerprint is the right one.
 * @throws ProvisionError `UNSUPPORTED`, or `PACKAGE` when the key cannot be had or is another one
 * @see https://docs.docker.com/engine/install/debian/#install-using-the-repository
 */
export async function addDockerRepository(
  host: Host,
  fingerprint: string = dockerFingerprint,
): Promise<{ undo(): Promise<void> }> {
  const facts = await host.facts();
  const base = repositoryFor(facts);
  if (await knowsRepository(host)) return { undo: async () => undefined };
  await provideKey(host, base, fingerprint);
  await host.writeFile(sourcesPath, await sourcesFor(host, base, facts), { mode: '0644' });
  return {
    undo: async () =>
      void (await host.run(sh`rm -f -- ${sourcesPath}`, { doing: `removing ${sourcesPath}` })),
  };
}

const keyPath = '/etc/apt/keyrings/docker.asc';
const sourcesPath = '/etc/apt/sources.list.d/docker.sources';

function repositoryFor({ os, osName, osCodename }: Facts): string {
  if (['debian', 'ubuntu'].includes(os) && /^[a-z]+$/.test(osCodename))
    return `https://download.docker.com/linux/${os}`;
  throw new ProvisionError({
    code: 'UNSUPPORTED',
    happened: `Docker has no packages of its own for ${osName || 'this system'} that provision knows`,
    hostState: 'nothing was changed',
    remedy: 'use dockerEngine({ source: "distribution" }), or a release of Debian or Ubuntu',
  });
}

// A second entry for the same packages with another key would make every call of apt fail.
async function knowsRepository(host: Host): Promise<boolean> {
  const { stdout } = await host.probe(
    sh`grep -rlsF download.docker.com/linux/ /etc/apt/sources.list /etc/apt/sources.list.d`,
  );
  return stdout.split('\n').some((path) => /\.(?:list|sources)$/.test(path));
}

async function provideKey(host: Host, base: string, fingerprint: string): Promise<void> {
  // HTTPS of apt needs the public roots, which a minimal system does not have.
  const { ['ca-certificates']: roots } = await apt.states(host, ['ca-certificates']);
  if (roots !== 'installed') await apt.install(host, ['ca-certificates']);
  const key = await downloadKey(host, `${base}/gpg`);
  requireSigningKey(key, fingerprint);
  await host.run(sh`umask 022 && mkdir -p /etc/apt/keyrings`, { doing: 'making /etc/apt/keyrings' });
  await host.writeFile(keyPath, key, { mode: '0644' });
}

async function downloadKey(host: Host, url: string): Promise<string> {
  host.progress(`fetching ${url}`);
  const key = await withPrivateFolder(host, async (folder) => {
    const file = `${folder}/docker.asc`;
    try {
      await host.run(sh`/usr/lib/apt/apt-helper -o Acquire::Retries=2 download-file ${url} ${file}`, {
        doing: `fetching ${url}`,
        timeoutMs: 120_000,
      });
    } catch (error) {
      const [problem] = problemsOf(error);
      if (problem.code !== 'COMMAND_FAILED') throw error;
      throw keyMissing(url, problem.detail);
    }
    return host.readFile(file);
  });
  if (key === undefined) throw keyMissing(url, undefined);
  return key;
}

function keyMissing(url: string, detail: string | undefined): ProvisionError {
  return new ProvisionError({
    code: 'PACKAGE',
    happened: `${url} could not be fetched`,
    hostState: 'nothing was installed',
    remedy:
      'make download.docker.com reachable from the host (proxy: Acquire::https::Proxy of apt), or use source: "distribution"',
    ...(detail !== undefined && { detail }),
  });
}

async function sourcesFor(host: Host, base: string, { osCodename }: Facts): Promise<string> {
  const { stdout } = await host.probe(sh`dpkg --print-architecture`);
  const architecture = stdout.trim();
  if (!/^[a-z0-9]+$/.test(architecture)) {
    throw new ProvisionError({
      code: 'PACKAGE',
      happened: 'dpkg does not know the architecture of the host',
    });
  }
  return `Types: deb
URIs: ${base}
Suites: ${osCodename}
Components: stable
Architectures: ${architecture}
Signed-By: ${keyPath}
`;
}
