import { fileURLToPath } from 'node:url';
import { ensureBaseImage, hostPackages } from './base-image.ts';
import { engine, followProgress, hasImage } from './engine.ts';
import { recipeHash } from './recipe-hash.ts';

/** What is installed beforehand: nothing, or what the test at hand is not about. */
export type HostSoftware = 'bare' | 'docker' | 'nginx' | 'registry' | 'odd';

/** The password of the user `ops`, who may use sudo with it. Hosts listen on loopback only. */
export const opsPassword = 'ops-password';

/** The password of root on an odd host. */
export const rootPassword = 'root-password';

const recipe = fileURLToPath(new URL('../image/', import.meta.url));
const oddRecipe = fileURLToPath(new URL('../odd-image/', import.meta.url));
const softwares: HostSoftware[] = ['bare', 'docker', 'nginx', 'registry'];

/** The name of the image of a host, whether or not it is built yet. */
export function hostImage(software: HostSoftware): string {
  if (software === 'odd')
    return `provision-test/host:odd-${recipeHash(oddRecipe, hostImage('bare'), rootPassword)}`;
  return `provision-test/host:${software}-${hostImageKey()}`;
}

/** Changes with everything that the images of hosts are made of. */
function hostImageKey(): string {
  return recipeHash(recipe, ...hostPackages, opsPassword);
}

/**
 * Builds the images of hosts where they are missing; when they are there this takes milliseconds.
 * @throws {Error} with what to do, when they cannot be built here.
 */
export async function ensureHostImages(log: (line: string) => void): Promise<void> {
  for (const software of softwares) {
    const image = hostImage(software);
    if (await hasImage(image)) continue;
    const base = await ensureBaseImage(log);
    log(`Building ${image} ...`);
    await buildImage({
      directory: recipe,
      files: ['Dockerfile', 'root'],
      image,
      target: software,
      args: { BASE: base, PACKAGES: hostPackages.join(' '), OPS_PASSWORD: opsPassword },
    });
  }
  await ensureOddImage(log);
}

/** Its recipe is its own, so that another oddity does not rebuild the images of all other tests. */
async function ensureOddImage(log: (line: string) => void): Promise<void> {
  const image = hostImage('odd');
  if (await hasImage(image)) return;
  log(`Building ${image} ...`);
  await buildImage({
    directory: oddRecipe,
    files: ['Dockerfile', 'setup.sh'],
    image,
    target: 'odd',
    args: { BASE: hostImage('bare'), OPS_PASSWORD: opsPassword, ROOT_PASSWORD: rootPassword },
  });
}

export interface Build {
  directory: string;
  files: string[];
  image: string;
  target: string;
  args: Record<string, string>;
}

/**
 * Builds an image with the engine's own builder, which needs no registry when the base is there.
 * @throws {Error} with the last lines of the build.
 */
export async function buildImage({ directory, files, image, target, args }: Build): Promise<void> {
  const lines: string[] = [];
  const options = { t: image, target, buildargs: args, forcerm: true };
  const stream = await (await engine()).buildImage({ context: directory, src: files }, options);
  try {
    await followProgress(stream, (line) => lines.push(line));
  } catch (cause) {
    throw new Error(`${image} could not be built:\n${lines.slice(-30).join('\n')}`, { cause });
  }
}
