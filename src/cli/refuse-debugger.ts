import { url } from 'node:inspector';
import { ProvisionError } from '../core/errors.ts';
import { knownSecretValues } from '../core/secret.ts';

/**
 * A debugger's port gives every secret, and with it root on every host, to whoever may connect to it: each user of this
 * machine.
 * @throws ProvisionError `SECRET_SOURCE` when one is open and secrets have been read
 */
export function refuseDebugger(): void {
  if (url() === undefined || knownSecretValues().size === 0) return;
  throw new ProvisionError({
    code: 'SECRET_SOURCE',
    happened: 'a debugger can be attached to this process, and it holds secrets',
    hostState: 'nothing was contacted',
    remedy: 'run it without --inspect, or debug the playbook with an inventory that names no secrets',
  });
}
