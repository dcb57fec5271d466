import { createHash } from 'node:crypto';
import type { Content, Output, WriteOptions } from '../core/host.ts';
import { isLargeFile, type LargeFile } from '../core/large-file.ts';
import { joinScripts, sh, type Script } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import type { Connection } from './connection.ts';
import { enterFolder } from './enter-folder.ts';
import { commandFailure } from './host-failure.ts';
import { splitHostPath } from './host-path.ts';
import { commitFromStdin, commitFromUpload, placedMark, prepare } from './place-file.ts';
import { provenFile, type ProvenFile } from './proven-file.ts';
import { tempName, tempPrefix } from './temp-name.ts';
import { uploadProgress } from './upload-progress.ts';

interface AtomicWriteOptions extends WriteOptions {
  readonly progress: (text: string) => void;
}

// Up to here a file travels inside the one script that writes it: one round trip instead of five.
const inlineBytes = 32 * 1024;
// A host that hashes or copies slower than this is not one that works.
const slowestBytesPerMs = 4000;

/**
 * Replaces a file so that whoever looks sees the old bytes or the new ones, also after a power cut, and nobody sees
 * the new ones before owner and mode are right. The bytes are never part of a command line.
 * @throws ProvisionError `UNSAFE_PATH`, `DISK_FULL`, `READ_ONLY` or `COMMAND_FAILED`; the old file is then untouched.
 *   `LOCAL` when a large file changes while it is sent
 * @returns of a large file how it is known again, so that nobody has to hash it a second time
 */
export async function atomicWrite(
  connection: Connection,
  path: string,
  content: Content,
  { mode, owner = 'root', group = 'root', timeoutMs = Infinity, progress }: AtomicWriteOptions,
): Promise<ProvenFile | undefined> {
  const [folder, name] = splitHostPath(path);
  const size = isLargeFile(content) ? content.size : sizeOf(content);
  // Values first: `enter` is the first command, and all others stand in the folder.
  const begin = joinScripts([
    sh`name=${name} prefix=${tempPrefix(name)} need=${Math.ceil(size / 1024) + 4}`,
    enterFolder(folder),
  ]);
  const doing = `writing ${path}`;
  const run = (values: Script, script: Script, stdin?: Secret | string) =>
    execute(connection, joinScripts([values, begin, script]), {
      ...{ doing, size, timeoutMs },
      ...(stdin && { stdin }),
    });
  const target = sh`mode=${mode} owner=${`${owner}:${group}`} temp=${tempName(name)}`;

  if (!isLargeFile(content) && size <= inlineBytes) {
    const values = joinScripts([target, sh`sha256=${await sha256Of(content)}`]);
    await run(values, commitFromStdin, inBase64(content));
    return undefined;
  }
  const prepared = run(sh``, prepare);
  const uploaded = connection.upload(isLargeFile(content) ? content : bytesOf(content), path, {
    after: prepared,
    onProgress: uploadProgress(name, size, progress),
  });
  const [upload] = await Promise.all([uploaded, prepared]);
  const sha256 = await sha256Of(content);
  const values = joinScripts([target, sh`sha256=${sha256} upload=${upload}`]);
  return provenFile(sha256, await run(values, commitFromUpload));
}

async function execute(
  connection: Connection,
  script: Script,
  given: { doing: string; size: number; timeoutMs: number; stdin?: Secret | string },
): Promise<string> {
  const { doing, size, stdin } = given;
  const timeoutMs = Math.min(given.timeoutMs, 300_000 + Math.round(size / slowestBytesPerMs));
  const options = { doing, timeoutMs, ...(stdin !== undefined && { stdin }) };
  const output = await connection.execute(script, options);
  if (output.code !== 0) throw commandFailure(doing, output, stateAfter(output));
  return output.stdout;
}

function stateAfter({ stdout }: Output): string {
  return stdout.startsWith(placedMark) ? 'the new file is in its place' : 'the old file is untouched';
}

type Small = Exclude<Content, LargeFile>;

function bytesOf(content: Small): Uint8Array {
  if (content instanceof Secret) return Buffer.from(content.reveal(), 'utf8');
  return typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
}

function sizeOf(content: Small): number {
  return content instanceof Secret ? Buffer.byteLength(content.reveal()) : Buffer.byteLength(content);
}

async function sha256Of(content: Content): Promise<string> {
  if (isLargeFile(content)) return content.sha256();
  return createHash('sha256').update(bytesOf(content)).digest('hex');
}

/** What a secret is made of stays a secret, whatever its form. */
function inBase64(content: Small): string | Secret {
  const base64 = Buffer.from(bytesOf(content)).toString('base64');
  return content instanceof Secret ? new Secret(base64, content.name) : base64;
}
