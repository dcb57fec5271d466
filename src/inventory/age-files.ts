import { isMap, isScalar, parseDocument } from 'yaml';
import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { didYouMean } from '../core/suggest.ts';
import { AgeRefusal, decryptAge, isAge, needsPassphrase, type AgeKey } from './decrypt-age.ts';
import { readPrivateFile } from './read-private-file.ts';
import { readRegularFile } from './read-regular-file.ts';

/** How a person is asked for a secret, once for each text; undefined when nobody can be asked. */
export type AskSecret = (text: string) => Promise<string>;

export interface AgeUnlock {
  /** Absolute path of the identity file, as `age-keygen` writes it. */
  readonly identity?: string | undefined;
  readonly ask?: AskSecret | undefined;
}

/** The encrypted files of a run: each is opened once, whatever the number of secrets in it, and in memory only. */
export class AgeFiles {
  readonly #unlock: AgeUnlock;
  readonly #opened = new Map<string, Promise<string>>();
  #identities: Promise<readonly string[]> | undefined;

  constructor(unlock: AgeUnlock) {
    this.#unlock = unlock;
  }

  /**
   * The secret in an encrypted file: all of it, or the text of one name when it is a mapping in YAML.
   * @param path absolute
   * @throws ProvisionError `SECRET_SOURCE` when it cannot be opened, `NEED_INPUT` when its passphrase cannot be asked for;
   *   Error with a message for people otherwise
   */
  async read(path: string, name?: string): Promise<string> {
    const opening = this.#opened.get(path) ?? this.#open(path);
    this.#opened.set(path, opening);
    const text = await opening;
    return name === undefined ? text.replace(/\r?\n$/, '') : valueOf(text, path, name);
  }

  async #open(path: string): Promise<string> {
    const { content } = await readRegularFile(path, maxEncryptedBytes);
    if (!isAge(content)) throw new Error(`${path} is no file that age has encrypted`);
    const key = await refusing(path, async () => this.#keyOf(path, content));
    const plain = await refusing(path, () => decryptAge(content, key));
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(plain);
    } catch {
      throw new Error(`${path} holds something that is not UTF-8 text`);
    } finally {
      plain.fill(0);
    }
  }

  async #keyOf(path: string, content: Uint8Array): Promise<AgeKey> {
    if (await needsPassphrase(content)) return { passphrase: await this.#askPassphrase(path) };
    this.#identities ??= this.#readIdentities(path);
    return { identities: await this.#identities };
  }

  async #readIdentities(asked: string): Promise<readonly string[]> {
    const { identity } = this.#unlock;
    if (identity === undefined) {
      throw secretSource(
        `${asked} is encrypted, and no identity was given to open it`,
        'write age_identity: PATH at the top of the inventory, or give --age-identity PATH or PROVISION_AGE_IDENTITY',
      );
    }
    let content = await readPrivateFile(identity);
    if (isAge(content)) {
      const passphrase = await this.#askPassphrase(identity);
      const locked = content;
      content = await refusing(identity, () => decryptAge(locked, { passphrase }));
    }
    const lines = Buffer.from(content).toString('utf8').split(/\r?\n/);
    const identities = lines
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    // They are masked like every other secret.
    for (const line of identities) new Secret(line, `identity in ${identity}`);
    if (identities.length === 0)
      throw secretSource(`${identity} holds no identity`, 'make one with: age-keygen -o PATH');
    return identities;
  }

  async #askPassphrase(path: string): Promise<string> {
    const { ask } = this.#unlock;
    if (ask) return new Secret(await ask(`Passphrase of ${path}:`), `passphrase of ${path}`).reveal();
    throw new ProvisionError({
      code: 'NEED_INPUT',
      happened: `${path} is opened by a passphrase, and without a terminal nobody can be asked for it`,
      hostState: 'nothing was contacted',
      remedy: 'encrypt it for an identity: age -r RECIPIENT; or run it at a terminal',
    });
  }
}

const maxEncryptedBytes = 1_000_000;

/** Refusals of the format, told with the file that they are about. */
async function refusing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AgeRefusal)) throw error;
    const [happened, remedy] = reasons[error.reason];
    throw secretSource(`${path} ${happened}`, remedy);
  }
}

const reasons: Record<AgeRefusal['reason'], readonly [string, string]> = {
  key: [
    'was not opened: the passphrase or identity is not one that it was encrypted for',
    'give the right one, or encrypt the file for this one',
  ],
  file: [
    'was not opened: it was cut off or changed since it was encrypted',
    'take it from where it came from; nothing of it was used',
  ],
  identity: [
    'was not opened: the identity file holds a line that is no identity of age',
    'give a file that age-keygen has written; SSH keys and plugins are not supported',
  ],
};

function secretSource(happened: string, remedy: string): ProvisionError {
  return new ProvisionError({ code: 'SECRET_SOURCE', happened, hostState: 'nothing was contacted', remedy });
}

/** Every scalar is taken as it is written: `0123` stays `0123`. Messages never quote the text: it is secret. */
function valueOf(text: string, path: string, name: string): string {
  const document = parseDocument(text, {
    schema: 'failsafe',
    prettyErrors: false,
    maxAliasCount: 0,
  } as never);
  const { contents } = document;
  if (document.errors.length > 0 || !isMap(contents))
    throw new Error(`${path} holds no mapping of names to secrets, each on a line: NAME: "VALUE"`);
  const pairs = new Map(
    contents.items.flatMap((pair) =>
      isScalar(pair.key) ? [[String(pair.key.value), pair.value] as const] : [],
    ),
  );
  const found = pairs.get(name);
  if (isScalar(found)) return typeof found.value === 'string' ? found.value : '';
  if (found !== undefined) throw new Error(`"${name}" in ${path} is not text`);
  const near = didYouMean(name, [...pairs.keys()]);
  throw new Error(`${path} has no secret "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
}
