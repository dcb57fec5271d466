import type { FileServerOptions } from './file-server-options.ts';
import type { Duplex, Writable } from 'node:stream';

/** What a server answers before, or instead of, speaking SSH. */
export type Greeting =
  /** Nothing at all, for ever. */
  | 'silence'
  /** Its version, and then nothing for ever. */
  | 'version-then-silence'
  /** What a web server says. */
  | 'http'
  /** 4 KiB without any meaning. */
  | 'garbage'
  /** One line of 1 MiB without an end. */
  | 'long-line'
  /** Lines that may stand before the version, without end. */
  | 'endless-lines'
  /** A farewell, as sshd says it when too many knock: `Exceeded MaxStartups`. */
  | 'busy';

/** How far a client gets before the connection is dropped without a word. */
export type Moment =
  /** It has connected. */
  | 'connect'
  /** Keys are agreed upon, so the host key has been seen. */
  | 'handshake'
  /** It asks to log in. */
  | 'login'
  /** It is in. */
  | 'ready'
  /** It opens a session. */
  | 'session'
  /** It runs a command. */
  | 'exec'
  /** A command has said something, which still arrives. */
  | 'output'
  /** It opens SFTP. */
  | 'sftp'
  /** It writes to a file by SFTP: the first bytes of it are written. */
  | 'upload';

/** Ways in which a host can be ill or ill-meaning. */
export interface Hostility {
  readonly greeting?: Greeting;
  /** Shown to the client before it logs in. */
  readonly banner?: string;
  /** Serves each connection with the next of `hostKeys`, as when somebody else answers now and then. */
  readonly changesHostKey?: boolean;
  /** Lets everybody in, whatever they show. */
  readonly letsAnybodyIn?: boolean;
  readonly dropAt?: Moment;
  /** Commands are accepted and neither run nor end. */
  readonly deaf?: boolean;
  /** Printed before what a command prints, as by a talkative `.bashrc`. */
  readonly noise?: { readonly stdout?: string; readonly stderr?: string };
  /** Commands print without end instead of running. */
  readonly flood?: 'stdout' | 'stderr';
  /** Names that every folder has in the listings of SFTP, in place of the true ones. */
  readonly sftpNames?: readonly string[];
}

/** How a server of a test differs from a well-meaning one. */
export interface SshServerOptions extends Hostility {
  /** Private keys of the host, in the format of ssh-keygen; default is one fresh Ed25519 key. */
  readonly hostKeys?: readonly (string | ParsedHostKey)[];
  readonly algorithms?: Readonly<
    Partial<Record<'kex' | 'cipher' | 'hmac' | 'serverHostKey' | 'compress', readonly string[]>>
  >;
  /** Decides over each attempt to log in; default accepts the password `open sesame` of anybody. */
  authenticate?(attempt: LoginAttempt): void;
  /** Called with each connection before the exchange of keys. */
  onConnection?(connection: object): void;
  /** Environment of everything that runs; its PATH is where a test puts a sudo of its own. */
  readonly env?: Record<string, string>;
  /** How its SFTP differs from an honest one. */
  readonly files?: FileServerOptions;
  /** Takes the place of running the command with `sh -c`. */
  onExec?(command: string, channel: CommandChannel, connection: object): void;
  /** Sessions that may be open at a time, as `MaxSessions` of sshd. Default 10. */
  readonly maxSessions?: number;
  /** For how many milliseconds a session still counts after its end. */
  readonly sessionLingerMs?: number;
  /** `false`: there is no SFTP. */
  readonly sftp?: boolean;
  /** Folder that SFTP shows as the root (chroot). */
  readonly sftpRoot?: string;
  /** Bytes that SFTP can write before the disk is full. */
  readonly diskBytes?: number;
  /** `false`: no forwarding to other addresses, as `AllowTcpForwarding no`. */
  readonly forwarding?: boolean;
}

interface ParsedHostKey {
  readonly type: string;
  getPublicSSH(): Buffer;
}

/** A client that asks to be let in. */
export type LoginAttempt = AnyAttempt &
  (
    | { readonly method: 'none' | 'hostbased' }
    | {
        readonly method: 'password';
        readonly password: string;
        requestChange(prompt: string, answered: (newPassword: string) => void): void;
      }
    | {
        readonly method: 'publickey';
        readonly key: { readonly algo: string; readonly data: Buffer };
        /** Missing when the client only asks whether the key would do. */
        readonly signature?: Buffer;
      }
    | {
        readonly method: 'keyboard-interactive';
        prompt(
          prompts: { readonly prompt: string; readonly echo?: boolean }[],
          answered: (answers: string[]) => void,
        ): void;
      }
  );

interface AnyAttempt {
  readonly username: string;
  accept(): void;
  /** With the methods that may still be tried. */
  reject(methods?: ('password' | 'publickey' | 'keyboard-interactive' | 'hostbased' | 'none')[]): void;
}

/** The command's standard input and output, seen from the host. */
export interface CommandChannel extends Duplex {
  readonly stderr: Writable;
  /** With the exit code, or the name of a signal without `SIG`. */
  exit(codeOrSignal: number | string): void;
}
