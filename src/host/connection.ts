import type { Duplex } from 'node:stream';
import type { Output } from '../core/host.ts';
import type { LargeFile } from '../core/large-file.ts';
import type { Script } from '../core/script.ts';
import type { Secret } from '../core/secret.ts';

export interface ExecuteOptions {
  /** Given to the script on standard input; without it the script reads nothing. */
  readonly stdin?: string | Secret;
  readonly timeoutMs: number;
  /** What is being done, for errors. */
  readonly doing: string;
}

export interface UploadOptions {
  /** Nothing is made on the host before it; what can be got ready until then is. Its failure is the one of the upload. */
  readonly after?: Promise<unknown>;
  /** Called again and again with the number of bytes that the host has taken. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * What a transport offers for one machine. Everything above it (files, facts, HTTP) is built from these five.
 * A lost connection is always an error, never an answer.
 */
export interface Connection {
  /** Runs a script with the rights that steps have (root, unless the inventory says otherwise). Any exit status is an answer. */
  execute(script: Script, options: ExecuteOptions): Promise<Output>;
  /**
   * Brings bytes to a new file with mode 0600 that only the connection's users can read, and returns its path on the host.
   * The file is beside `near` where the login user may write there, else in a private folder. The caller moves or removes it.
   * Beside it means under a name that begins with `tempPrefix` of its name. A `LargeFile` is never whole in memory.
   */
  upload(content: Uint8Array | LargeFile, near: string, options?: UploadOptions): Promise<string>;
  /** A TCP connection from the host to `address:port`. */
  dial(address: string, port: number, timeoutMs: number): Promise<Duplex>;
  close(): Promise<void>;
}
