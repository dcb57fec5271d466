import { ProvisionError } from '../core/errors.ts';
import type { ReadHost } from '../core/host.ts';
import { resource } from '../core/resource.ts';
import { sh } from '../core/script.ts';
import { callSite } from '../core/source.ts';
import { askDocker, engineState, quoteLine, requireEngine } from './docker-client.ts';
import type { RegistryCredentials } from './docker-credentials.ts';
import { credentialsProblem } from './docker-credentials.ts';
import { parseImageReference } from './docker-image-reference.ts';
import { pullImage } from './docker-pull.ts';

export interface ImageProps {
  /** Such as `rancher/rancher:v2.8.5`, with a tag or a digest. */
  readonly reference: string;
  /** For a registry that asks for a login. The password travels on standard input and is not kept on the host. */
  readonly credentials?: RegistryCredentials;
}

/**
 * A container image that is present in the host's Docker Engine. One that is there already is not pulled again, so a tag
 * that moves is not followed.
 * @throws ProvisionError `PLAYBOOK` for a reference that is none; when applied, `IMAGE_PULL` or `DOCKER`
 * @example image({ reference: 'rancher/rancher:v2.8.5' })
 * @see https://docs.docker.com/reference/cli/docker/image/pull/
 */
export const image = resource({
  kind: 'image',
  want: imageWant,
  id: (want) => want.reference,
  read: (host, want) => readImage(host, want.reference),
  diff: (have, want) => {
    if (have?.engine === 'silent') return [{ type: 'unknown', path: 'image' }];
    return have ? [] : [{ type: 'value', path: 'image', want: want.reference }];
  },
  effects: (have, { reference }) => (have ? [] : [{ type: 'download', what: `image ${reference}` }]),
  async apply(host, want) {
    await requireEngine(host, await engineState(host));
    await pullImage(host, want.reference, want.credentials);
  },
});

/** What a host has of an image: its id, or only that its engine does not answer. */
export type ImageHave = { readonly engine: 'answers'; readonly id: string } | { readonly engine: 'silent' };

/** Looks for an image, which is absent also where there is no Docker. */
export async function readImage(host: ReadHost, reference: string): Promise<ImageHave | undefined> {
  const answer = await askDocker(host, sh`docker image inspect --format '{{.Id}}' ${reference}`);
  if (answer.engine === 'silent') return { engine: 'silent' };
  if (answer.engine === 'missing' || answer.output.code !== 0) return undefined;
  return { engine: 'answers', id: quoteLine(answer.output.stdout, 100) };
}

function imageWant(props: ImageProps): ImageProps {
  const mismatch = credentialsProblem(parseImageReference(props.reference), props.credentials);
  if (mismatch === undefined) return props;
  throw new ProvisionError({
    code: 'PLAYBOOK',
    at: callSite(),
    happened: `image ${props.reference} is given ${mismatch}`,
    remedy: 'give credentials for the registry that the reference names',
  });
}
