import { ProvisionError } from '../core/errors.ts';
import { callSite } from '../core/source.ts';

/** The parts of an image reference, with what Docker adds to short forms. */
export interface ImageReference {
  /** `docker.io` when the reference names none. */
  readonly registry: string;
  /** Without the registry; `library/nginx` for `nginx`. */
  readonly repository: string;
  /** `latest` when there is neither a tag nor a digest. */
  readonly tag?: string;
  /** `sha256:…`. */
  readonly digest?: string;
  /** The one spelling that all short forms of it share: `docker.io/library/nginx:latest`. */
  readonly canonical: string;
}

/**
 * Takes an image reference apart as Docker does.
 * @throws ProvisionError `PLAYBOOK` with the part that is wrong
 * @example
 * parseImageReference('registry.example.com:5000/rancher/rancher:v2.8.5').registry; // => 'registry.example.com:5000'
 * parseImageReference('nginx').canonical; // => 'docker.io/library/nginx:latest'
 * @see https://github.com/distribution/reference/blob/main/reference.go
 */
export function parseImageReference(reference: string): ImageReference {
  const { registry, path, rest } = splitRegistry(reference);
  const [beforeDigest = '', digest, ...surplus] = rest.split('@');
  const colon = beforeDigest.indexOf(':');
  const repository = path + (colon < 0 ? beforeDigest : beforeDigest.slice(0, colon));
  const tag = colon < 0 ? undefined : beforeDigest.slice(colon + 1);

  if (surplus.length > 0) fail(reference, 'more than one @');
  if (registry !== undefined && !registryName.test(registry)) fail(reference, `the registry "${registry}"`);
  checkRepository(reference, repository);
  if (tag !== undefined && !tagName.test(tag)) fail(reference, `the tag "${tag}"`);
  if (digest !== undefined && !digestName.test(digest)) fail(reference, `the digest "${digest}"`);
  return complete(registry, repository, tag, digest);
}

/** The registry of Docker Hub, as canonical references spell it. */
export const dockerHub = 'docker.io';

const registryName =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagName = /^\w[\w.-]{0,127}$/;
const digestName = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const longestRepository = 255;

// The first part is a registry only when it looks like a host: `rancher/rancher` has none, `localhost/rancher` has.
function splitRegistry(reference: string): { registry: string | undefined; path: string; rest: string } {
  const slash = reference.indexOf('/');
  const first = slash < 0 ? '' : reference.slice(0, slash);
  const isHost = /[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const remainder = isHost ? reference.slice(slash + 1) : reference;
  const lastSlash =
    remainder.indexOf('@') < 0
      ? remainder.lastIndexOf('/')
      : remainder.lastIndexOf('/', remainder.indexOf('@'));
  return {
    registry: isHost ? first : undefined,
    path: remainder.slice(0, lastSlash + 1),
    rest: remainder.slice(lastSlash + 1),
  };
}

function checkRepository(reference: string, repository: string): void {
  if (repository === '') fail(reference, 'the name of the image is empty');
  if (repository.length > longestRepository)
    fail(reference, `the name is longer than ${longestRepository} characters`);
  const wrong = repository.split('/').find((component) => !pathComponent.test(component));
  if (wrong === undefined) return;
  const why =
    wrong === wrong.toLowerCase() ? `the part "${wrong}"` : `the part "${wrong}" has capital letters`;
  fail(reference, why);
}

function complete(
  registry = dockerHub,
  repository: string,
  givenTag: string | undefined,
  digest: string | undefined,
): ImageReference {
  const isHub = registry === dockerHub || registry === 'index.docker.io';
  const fullRepository = isHub && !repository.includes('/') ? `library/${repository}` : repository;
  const tag = givenTag ?? (digest === undefined ? 'latest' : undefined);
  const suffix = (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
  const host = isHub ? dockerHub : registry;
  return {
    registry: host,
    repository: fullRepository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    canonical: `${host}/${fullRepository}${suffix}`,
  };
}

function fail(reference: string, why: string): never {
  throw new ProvisionError({
    code: 'PLAYBOOK',
    at: callSite(),
    happened: `${JSON.stringify(reference)} is not an image reference: ${why}`,
    remedy: 'write it as [REGISTRY[:PORT]/]NAME[:TAG][@sha256:DIGEST], such as rancher/rancher:v2.8.5',
  });
}
