import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildStandIn } from '../../stand-in/build.ts';
import { parseRelease } from '../../stand-in/release.ts';
import { ensureBaseImage } from './base-image.ts';
import { engine, hasImage } from './engine.ts';
import { buildImage } from './host-image.ts';
import { recipeHash } from './recipe-hash.ts';
import type { TestHost } from './test-host.ts';

const recipe = fileURLToPath(new URL('../../stand-in/', import.meta.url));

/** One of each profile of Rancher. Variants such as `v2.8.5-crash` are built when they are asked for. */
export const standInTags = ['v2.4.18', 'v2.8.5', 'v2.12.3'];

/**
 * Builds the stand-in for Rancher under these tags where it is missing, and returns the names of the images.
 * @throws {Error} when a tag is no release, or the build fails.
 */
export async function ensureStandIn(
  tags: string[] = standInTags,
  log: (line: string) => void = () => {},
): Promise<string[]> {
  const missing: string[] = [];
  for (const tag of tags) if (!(await hasImage(standInImage(tag)))) missing.push(tag);
  if (missing.length > 0) await buildAll(missing, log);
  return tags.map(standInImage);
}

/** The name of the image of one tag in the engine of this machine. */
function standInImage(tag: string): string {
  return `provision-test/rancher:${tag}-${recipeHash(recipe)}`;
}

/**
 * Puts the stand-in into the host's own engine, named as its user would name it, as if it had been pulled.
 * @example await loadStandIn(host, ['v2.8.5']); // docker run … rancher/rancher:v2.8.5
 */
export async function loadStandIn(
  host: TestHost,
  tags: string[],
  repository = 'rancher/rancher',
): Promise<void> {
  const images = await ensureStandIn(tags);
  for (const [index, image] of images.entries()) {
    // The archive of an image is a tar, and so is what is put into a container: it arrives unpacked.
    const folder = `/var/tmp/image-${index}`;
    await host.run(`mkdir -p ${folder}`);
    await host.unpack(await (await engine()).getImage(image).get(), folder);
    await host.run(
      `tar -C ${folder} -c . | docker load && docker tag ${image} ${repository}:${tags[index]} && ` +
        `docker rmi ${image} && rm -r ${folder}`,
    );
  }
}

async function buildAll(tags: string[], log: (line: string) => void): Promise<void> {
  const base = await ensureBaseImage(log);
  const context = mkdtempSync(join(tmpdir(), 'stand-in-'));
  try {
    cpSync(join(recipe, 'Dockerfile'), join(context, 'Dockerfile'));
    writeFileSync(join(context, 'rancher.mjs'), await buildStandIn());
    for (const tag of tags) {
      const image = standInImage(tag);
      const target = parseRelease(tag).minor >= 5 ? 'since-2.5' : 'until-2.4';
      log(`Building ${image} ...`);
      await buildImage({
        directory: context,
        files: ['Dockerfile', 'rancher.mjs'],
        image,
        target,
        args: { BASE: base, TAG: tag },
      });
    }
  } finally {
    rmSync(context, { recursive: true });
  }
}
