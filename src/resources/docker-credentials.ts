import type { Secret } from '../core/secret.ts';
import type { ImageReference } from './docker-image-reference.ts';

/** How to log in to a registry. */
export interface RegistryCredentials {
  /** `registry.example.com:5000`; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly username: string;
  readonly password: Secret;
}

/** What is wrong with credentials for an image, or undefined: they must be for the registry that it comes from. */
export function credentialsProblem(
  image: ImageReference,
  credentials: RegistryCredentials | undefined,
): string | undefined {
  if (!credentials) return undefined;
  if (credentials.registry !== image.registry) {
    return `credentials for ${JSON.stringify(credentials.registry)}, but the image comes from ${image.registry}`;
  }
  if (credentials.username === '' || /[\0-\x1f\x7f]/.test(credentials.username)) {
    return `credentials for ${credentials.registry} with a user name that is empty or holds control characters`;
  }
  return undefined;
}
