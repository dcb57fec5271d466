import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { checkKeyFile } from '../ssh/log-in/key-file.ts';
import { needsPassphrase } from '../ssh/log-in/locked-key.ts';
import type { Identity, SshTarget } from '../ssh/target.ts';

const attempts = 3;

/** Asks for something that must not be shown. */
export type AskSecret = (message: string) => Promise<string>;

/**
 * The targets with the passphrases of their keys, each asked for once however many hosts the key is for, and tried at once. A key
 * that nobody has named is left out instead, unless nothing else is there to log in with.
 * @throws ProvisionError `KEY_FILE` after three wrong ones
 */
export async function askPassphrases(
  targets: ReadonlyMap<string, SshTarget>,
  ask: AskSecret,
): Promise<Map<string, SshTarget>> {
  const known = new Map<string, Promise<Secret | undefined>>();
  const opened = async ({ keyFile, passphrase }: Identity, agent: string | undefined) => {
    if (passphrase) return passphrase;
    const asking = known.get(keyFile) ?? inTurn(keyFile, agent);
    known.set(keyFile, asking);
    return asking;
  };
  const inTurn = async (keyFile: string, agent: string | undefined) =>
    (await needsPassphrase(keyFile, agent)) ? askUntilRight(keyFile, ask) : undefined;
  const unlock = async (target: SshTarget): Promise<SshTarget> => {
    const { agent, keyFile, identities = [], jump } = target;
    const own = keyFile === undefined ? undefined : await opened({ ...target, keyFile }, agent);
    const all: Identity[] = [];
    for (const identity of identities) {
      const isWanted = !identity.isDefault || (agent === undefined && target.password === undefined);
      const passphrase = isWanted ? await opened(identity, agent) : undefined;
      all.push({ ...identity, ...(passphrase && { passphrase }) });
    }
    return {
      ...target,
      ...(own && { passphrase: own }),
      ...(target.identities && { identities: all }),
      ...(jump && { jump: await unlock(jump) }),
    };
  };
  const result = new Map<string, SshTarget>();
  for (const [name, target] of targets) result.set(name, await unlock(target));
  return result;
}

async function askUntilRight(keyFile: string, ask: AskSecret): Promise<Secret> {
  for (let attempt = 1; ; attempt++) {
    const again = attempt === 1 ? '' : 'That does not open it. ';
    const passphrase = new Secret(await ask(`${again}Passphrase of ${keyFile}:`), 'passphrase');
    const problem = await checkKeyFile(keyFile, { passphrase });
    if (!problem) return passphrase;
    if (attempt === attempts) throw new ProvisionError({ ...problem, hostState: 'nothing was contacted' });
  }
}
