import { spawn } from 'node:child_process';
import { ProvisionError } from '../core/errors.ts';
import { isMapping, kindOf } from '../core/fields/wrong.ts';
import { quote } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { readRegularFile } from './read-regular-file.ts';

export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where commands run. */
  readonly folder: string;
  resolvePath(path: string): string;
}

/**
 * The value behind `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ARGUMENT …] }`; a `Secret` stays what it is.
 * One line break at the end of a file or an output is not part of the secret.
 * @throws ProvisionError `SECRET_SOURCE` for a file that others may read; Error with a message for people otherwise
 */
export async function readSecret(source: unknown, name: string, sources: SecretSources): Promise<Secret> {
  if (source instanceof Secret) return source;
  if (typeof source === 'string') throw new Error('is a secret that stands in the inventory itself');
  if (!isMapping(source)) throw new Error(`must say where the secret is, found ${kindOf(source)}`);
  const [key, ...more] = Object.keys(source);
  if (key === undefined || more.length > 0) throw new Error('must have one key: env, file or command');
  const value = await readValue(key, source[key], sources);
  if (value === '') throw new Error(`is empty: ${key} gave nothing`);
  return new Secret(value, name);
}

async function readValue(key: string, argument: unknown, sources: SecretSources): Promise<string> {
  if (key === 'env') return fromEnvironment(argument, sources.environment);
  if (key === 'file') return fromFile(argument, sources);
  if (key === 'command') return fromCommand(argument, sources);
  throw new Error('must have one key: env, file or command');
}

function fromEnvironment(name: unknown, environment: SecretSources['environment']): string {
  if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new Error('env: must be the name of an environment variable');
  }
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (value === undefined) throw new Error(`environment variable ${name} is not set`);
  return value;
}

async function fromFile(path: unknown, sources: SecretSources): Promise<string> {
  if (typeof path !== 'string' || path === '') throw new Error('file: must be a path');
  const absolute = sources.resolvePath(path);
  const { content, mode, uid } = await readRegularFile(absolute, maxSecretBytes);
  const own = process.getuid?.();
  if ((mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    const remedy = `chmod 600 ${quote(absolute)}`;
    throw new ProvisionError({
      code: 'SECRET_SOURCE',
      happened: `${absolute} has mode ${octal}: others may read it`,
      remedy,
    });
  }
  if (own !== undefined && own !== 0 && uid !== own) {
    const remedy = 'give a file of your own';
    throw new ProvisionError({
      code: 'SECRET_SOURCE',
      happened: `${absolute} belongs to another user`,
      remedy,
    });
  }
  return decode(content, 'file:');
}

const maxSecretBytes = 64 * 1024;
const commandTimeoutMs = 60_000;

async function fromCommand(argv: unknown, sources: SecretSources): Promise<string> {
  const isWords =
    Array.isArray(argv) && argv.length > 0 && argv.every((word) => typeof word === 'string' && word !== '');
  if (!isWords) throw new Error('command: must be a list: the program, then each argument by itself');
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, {
    cwd: sources.folder,
    env: { ...sources.environment },
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
