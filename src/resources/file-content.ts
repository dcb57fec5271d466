import { createHash } from 'node:crypto';
import { Secret } from '../core/secret.ts';

/** Bytes as they shall be in a file of a host. */
export type FileContent = string | Uint8Array | Secret;

/** A file of the controller that was read already, such as a `localFile()` of the inventory. */
export interface ReadLocalFile {
  readonly content: FileContent;
}

/** The bytes behind what a playbook gives as content. */
export function fileContent(given: FileContent | ReadLocalFile): FileContent {
  return typeof given === 'object' && 'content' in given ? given.content : given;
}

/** SHA-256 in lower-case hex. */
export function sha256Of(content: FileContent): string {
  const bytes = content instanceof Secret ? content.reveal() : content;
  return createHash('sha256').update(bytes).digest('hex');
}

/** Text that can be shown line by line, or undefined for secrets, binary content and what is too long for a person. */
export function shownText(content: FileContent | undefined): string | undefined {
  if (content === undefined || content instanceof Secret) return undefined;
  if (content.length > 256 * 1024) return undefined;
  if (typeof content === 'string') return content.includes('\0') ? undefined : content;
  const text = Buffer.from(content).toString('utf8');
  return text.includes('\0') || text.includes('�') ? undefined : text;
}

/** Content that is not shown, for people: `1704 bytes, sha256 9f86d081884c`. */
export function outline(size: number, sha256: string): string {
  return `${size} bytes, sha256 ${sha256.slice(0, 12)}`;
}
