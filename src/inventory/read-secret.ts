import { spawn } from 'node:child_process';
import { ProvisionError } from '../core/errors.ts';
import { unsafeCharacter } from '../core/fields/safe-text.ts';
import { isMapping, kindOf } from '../core/fields/wrong.ts';
import { Secret } from '../core/secret.ts';
import { AgeFiles, type AskSecret } from './age-files.ts';
import { maxSecretBytes, readPrivateFile } from './read-private-file.ts';

export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What commands get; without the variables that hold secrets. */
  readonly commandEnvironment: Readonly<Record<string, string | undefined>>;
  /** Where commands run. */
  readonly folder: string;
  readonly ageFiles: AgeFiles;
  readonly ask?: AskSecret | undefined;
  resolvePath(path: string): string;
}

/**
 * The value behind `{ env: NAME }`, `{ file: PATH }`, `{ command: [PROGRAM, ARGUMENT …] }`, `{ prompt: TEXT }` or
 * `{ age: PATH, name: NAME }`; a `Secret` stays what it is. One line break at the end of a file or an output is not part
 * of the secret.
 * @throws ProvisionError `SECRET_SOURCE` for a file that others may read or that cannot be decrypted, `NEED_INPUT` when
 *   nobody can be asked; Error with a message for people otherwise
 */
export async function readSecret(source: unknown, name: string, sources: SecretSources): Promise<Secret> {
  if (source instanceof Secret) return source;
  if (typeof source === 'string') throw new Error('is a secret that stands in the inventory itself');
  if (!isMapping(source)) throw new Error(`must say where the secret is, found ${kindOf(source)}`);
  const [key, ...more] = Object.keys(source).filter(
    (word) => word !== 'name' || !Object.hasOwn(source, 'age'),
  );
  if (key === undefined || more.length > 0) throw new Error(oneKey);
  const value = await readValue(key, source, name, sources);
  if (value === '') throw new Error(`is empty: ${key} gave nothing`);
  return new Secret(value, name);
}

const oneKey = 'must have one key: env, file, command, prompt or age';

async function readValue(
  key: string,
  source: Readonly<Record<string, unknown>>,
  name: string,
  sources: SecretSources,
): Promise<string> {
  const argument = source[key];
  if (key === 'env') return fromEnvironment(argument, sources.environment);
  if (key === 'file') return fromFile(argument, sources);
  if (key === 'command') return fromCommand(argument, sources);
  if (key === 'prompt') return fromPrompt(argument, name, sources.ask);
  if (key === 'age') return fromAge(argument, source['name'], sources);
  throw new Error(oneKey);
}

function fromEnvironment(name: unknown, environment: SecretSources['environment']): string {
  if (typeof name !== 'string' || !variableName.test(name)) {
    throw new Error('env: must be the name of an environment variable');
  }
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (value === undefined) throw new Error(`environment variable ${name} is not set`);
  return value;
}

/** What can be the name of an environment variable. */
export const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

async function fromFile(path: unknown, sources: SecretSources): Promise<string> {
  if (typeof path !== 'string' || path === '') throw new Error('file: must be a path');
  return decode(await readPrivateFile(sources.resolvePath(path)), 'file:');
}

async function fromPrompt(text: unknown, name: string, ask: AskSecret | undefined): Promise<string> {
  if (typeof text !== 'string' || text.trim() === '' || unsafeCharacter(text))
    throw new Error('prompt: must be what a person is asked, on one line');
  if (ask) return ask(text);
  throw new ProvisionError({
    code: 'NEED_INPUT',
    happened: `${name} is to be asked for, and without a terminal nobody can be asked`,
    hostState: 'nothing was contacted',
    remedy: 'run it at a terminal, or give it by env, file, command or age',
  });
}

async function fromAge(path: unknown, name: unknown, sources: SecretSources): Promise<string> {
  if (typeof path !== 'string' || path === '') throw new Error('age: must be the path of an encrypted file');
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new Error('name: must be the name of a secret in the encrypted file');
  return sources.ageFiles.read(sources.resolvePath(path), name);
}

const commandTimeoutMs = 60_000;

async function fromCommand(argv: unknown, sources: SecretSources): Promise<string> {
  const isWords =
    Array.isArray(argv) && argv.length > 0 && argv.every((word) => typeof word === 'string' && word !== '');
  if (!isWords) throw new Error('command: must be a list: the program, then each argument by itself');
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, {
    cwd: sources.folder,
    env: { ...sources.commandEnvironment },
    // What a program says on stderr may hold the secret.
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: commandTimeoutMs,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxSecretBytes) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>(
    (resolve, reject) => {
      child.on('error', (error: NodeJS.ErrnoException) => {
        reject(new Error(`command ${program} cannot be started (${error.code ?? 'unknown reason'})`));
      });
      child.on('close', (exitCode, endSignal) => {
        resolve({ code: exitCode, signal: endSignal });
      });
    },
  );
  if (bytes > maxSecretBytes) throw new Error(`command ${program} wrote more than 64 kB`);
  if (signal !== null) throw new Error(`command ${program} was ended by ${signal}, or took longer than 60 s`);
  if (code !== 0)
    throw new Error(`command ${program} ended with ${code}; its messages are hidden, run it by hand`);
  return decode(Buffer.concat(chunks), 'command:');
}

function decode(content: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content).replace(/\r?\n$/, '');
  } catch {
    throw new Error(`${what} gave something that is not UTF-8 text`);
  }
}
