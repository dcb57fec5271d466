import type { LargeFile } from './large-file.ts';
import type { Script } from './script.ts';
import type { Secret } from './secret.ts';

/** What a script printed and how it ended. Output is bounded, decoded once, and still hostile. */
export interface Output {
  /** Exit status, 0 to 255. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** State of one file system entry, never through a symbolic link. */
export interface FileState {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits as four octal digits: `0644`. */
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
  /** Size in bytes. */
  readonly size: number;
  /** Lower-case hex; of regular files only. */
  readonly sha256?: string;
}

/**
 * What a host is; gathered once a run, in one round trip. A reboot may change any of it. Without one it stays as it is, but for
 * the release (`osVersion` …) after an upgrade of the distribution, `clockSkewMs` when the clock is set, and `ipv6` when the
 * kernel is told otherwise: a resource that does such a thing calls `Host.forgetFacts`.
 */
export interface Facts {
  /** `ID` of os-release: `debian`, `ubuntu`, `rocky`; `unknown` without the file. */
  readonly os: string;
  /** `ID_LIKE` of os-release, split. */
  readonly osLike: readonly string[];
  /** `VERSION_ID` of os-release: `12`; empty when it has none. */
  readonly osVersion: string;
  /** `VERSION_CODENAME` of os-release: `bookworm`; empty when it has none. */
  readonly osCodename: string;
  /** `PRETTY_NAME` of os-release. */
  readonly osName: string;
  /** `uname -m`: `x86_64`, `aarch64`. */
  readonly architecture: string;
  /** `uname -r`. */
  readonly kernel: string;
  readonly cpus: number;
  /** Kilobytes. */
  readonly memoryKb: number;
  /** Whether process 1 is systemd. */
  readonly systemd: boolean;
  /** Whether the kernel offers IPv6. */
  readonly ipv6: boolean;
  /** Clock of the host minus clock of the controller, in milliseconds, corrected by half the round trip. */
  readonly clockSkewMs: number;
}

/** One HTTP request that is made from the host's own point of view: through it, not from the controller's network. */
export interface HttpRequest {
  /** Where to connect to, as seen from the host. Default `127.0.0.1`. */
  readonly address?: string;
  readonly port: number;
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Present: over TLS. The certificate must be valid for `servername` by `ca` (PEM), or by the public roots without it. */
  readonly tls?: { readonly servername: string; readonly ca?: string; readonly insecure?: boolean };
  /** Default 10 s. */
  readonly timeoutMs?: number;
}

export interface HttpResponse {
  /** 101 when the server switched protocols (the connection is closed at once). */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most 64 kB. */
  readonly body: string;
  /** SHA-256 of the certificate that was served: `AB:CD:…`. */
  readonly certificateFingerprint?: string;
}

/**
 * A kind of question that one script answers for all who ask it in one tick: `stat` of many paths, the state of many
 * packages. What has no answer is missing in the outcome; one that fails for several is asked again for each alone.
 * @example
 * const shells: Question<string> = async (host, users) => {
 *   const { stdout } = await host.probe(sh`getent passwd -- ${users}`);
 *   return new Map(stdout.split('\n').map((line) => [line.split(':')[0]!, line.split(':')[6]!]));
 * };
 * const shell = await host.ask(shells, 'root');
 */
export type Question<Answer> = (
  host: ReadHost,
  asked: readonly string[],
) => Promise<ReadonlyMap<string, Answer>>;

/** One machine, read only: there is no method that writes, so a dry run cannot. */
export interface ReadHost {
  /** Name in the inventory. */
  readonly name: string;
  /** Where it is reached: IP address or DNS name. */
  readonly address: string;
  /** Runs a script that changes nothing. Every exit status is an answer, not an error. Calls of one tick share a round trip. Default 60 s. */
  probe(script: Script, options?: { readonly timeoutMs?: number }): Promise<Output>;
  /** Asks together with everybody who asks the same question in this tick; undefined: there is no answer. */
  ask<Answer>(question: Question<Answer>, about: string): Promise<Answer | undefined>;
  /** State of a path, or undefined when nothing is there. */
  stat(path: string): Promise<FileState | undefined>;
  /** Content of a regular file, or undefined when it is absent or longer than `maxBytes` (default 256 kB). */
  readFile(path: string, options?: { maxBytes?: number }): Promise<string | undefined>;
  /** Gathered when they are first asked for, and once a run: see `Host.forgetFacts`. */
  facts(): Promise<Facts>;
  /** Throws `CONN_REFUSED`, `CONN_TIMEOUT` or `CONN_LOST` when no HTTP answer came. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Tells a watching person what is being waited for. */
  progress(text: string): void;
}

export interface RunOptions {
  /** What the script reads on standard input; the only way for a secret to reach it. */
  readonly stdin?: string | Secret;
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** What is being done, for the error and for the person who watches: `apt-get install nginx`. */
  readonly doing?: string;
  /**
   * A stable name, such as `apt-get install nginx`: the script runs apart from the connection, and a line that breaks
   * or a run that dies does not end it. Work of this name that is under way already is waited for instead; with the same
   * script, its outcome counts. It is left running after `timeoutMs`. Such a script reads nothing: `stdin` is refused.
   */
  readonly detached?: string;
  /** What a detached script has printed so far, for the person who watches. Default: its last line. */
  readonly progressOf?: (output: string) => string;
}

export interface WriteOptions {
  /** Four octal digits. The file has this mode from its first byte, or a narrower one. */
  readonly mode: string;
  /** Default `root`. */
  readonly owner?: string;
  /** Default `root`. */
  readonly group?: string;
  /** How long each of its scripts may take. Default five minutes, and what the size of the content takes. */
  readonly timeoutMs?: number;
}

/** What a file of a host is made from. Only a `LargeFile` is never whole in memory. */
export type Content = string | Uint8Array | Secret | LargeFile;

/** One machine that may be changed. */
export interface Host extends ReadHost {
  /** Runs a script. Throws `COMMAND_FAILED` with the end of its output when it does not exit with 0. */
  run(script: Script, options?: RunOptions): Promise<Output>;
  /**
   * Replaces a file atomically: temp beside it, owner and mode, SHA-256 compared on the host, fsync, rename. Never through
   * a link. The new file has the attributes that are told here and the SELinux label of the policy; access control lists and
   * extended attributes of the old one are not carried over.
   */
  writeFile(path: string, content: Content, options: WriteOptions): Promise<void>;
  /**
   * What `facts()` has said may be wrong from now on, and is gathered anew when it is next asked for: after a change of
   * the distribution's release, of the clock, of what the kernel offers. A reboot in between is noticed without this.
   */
  forgetFacts(): void;
}
