import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import type { Output } from '../../core/host.ts';
import type { Script } from '../../core/script.ts';
import type { StreamAnswer } from './answer-reader.ts';
import { AnswerReader } from './answer-reader.ts';
import { frame, preamble } from './frame.ts';
import type { Link } from '../link.ts';
import { startShell } from '../become/start-shell.ts';

export interface ShellListener {
  /** A script has begun; its process id, or 0 where there is no /proc. */
  onStart(pid: number): void;
  /** Called in the order in which the scripts were sent. */
  onAnswer(output: Output): void;
  /** The shell has ended, for whatever reason. */
  onClose(): void;
}

export interface Request {
  readonly script: Script;
  readonly input?: string | undefined;
}

export interface ShellChannel {
  /** Process id of the shell on the host. */
  readonly pid: number;
  /** What it talks through, for one that is given no scripts but a conversation of its own. */
  readonly stream: ClientChannel;
  /** Sends scripts in one go; each is answered once. */
  send(requests: readonly Request[]): void;
  /** Asks sshd to end the process group of the shell. Works where it runs as the login user. */
  kill(): void;
  close(): void;
}

// A file of 256 kB in base64 must pass unchanged.
const keepStdout = { head: 256 * 1024, tail: 256 * 1024 };
const keepStderr = { head: 64 * 1024, tail: 256 * 1024 };
const startTimeoutMs = 30_000;
const lastWordsMs = 300;

/**
 * Opens a `/bin/sh` on the host with the rights that steps have.
 * @throws ProvisionError `BECOME_…`, `NO_SHELL` or `CONN_LOST`
 */
export function openShellChannel(link: Link, listener: ShellListener): Promise<ShellChannel> {
  return startShell(link, (channel) => attach(channel, listener));
}

/** Sends the preamble and hands the streams over to the readers of answers. */
function attach(channel: ClientChannel, listener: ShellListener): Promise<ShellChannel> {
  // Another nonce than that of the command line, which every user of the host can see: whatever a script runs must
  // not be able to forge the end of its own output.
  const marker = randomBytes(16).toString('hex');
  return new Promise((resolve, reject) => {
    let shell: ShellChannel | undefined;
    const timer = setTimeout(() => reject(new Error('no answer')), startTimeoutMs);
    const greet = (output: Output) => {
      if (shell) return;
      clearTimeout(timer);
      resolve((shell = handle(channel, marker, output.code)));
    };
    readAnswers(channel, marker, greet, listener);
    const end = () => {
      clearTimeout(timer);
      if (shell) listener.onClose();
      else reject(new Error('the shell ended at once'));
    };
    channel.once('close', end);
    // What the shell started may outlive it and hold the channel open: it is over a moment after the shell has exited.
    channel.once('exit', () => {
      setTimeout(() => {
        end();
        channel.close();
      }, lastWordsMs);
    });
    channel.write(preamble(marker));
  });
}

function handle(channel: ClientChannel, marker: string, pid: number): ShellChannel {
  return {
    pid,
    stream: channel,
    send: (requests) => {
      const frames = requests.map(({ script, input }) => frame(script, marker, input));
      if (channel.writable) channel.write(frames.join(''));
    },
    kill: () => {
      if (channel.writable) channel.signal('KILL');
    },
    close: () => channel.close(),
  };
}

/**
 * Puts the answers together from the markers on both streams (see `frame`): the first on each is the greeting of the
 * shell; after that stderr tells start and end of each script and stdout its end only.
 */
function readAnswers(
  channel: ClientChannel,
  marker: string,
  greet: (output: Output) => void,
  listener: ShellListener,
): void {
  const ends: { stdout: StreamAnswer[]; stderr: StreamAnswer[] } = { stdout: [], stderr: [] };
  let deliver = greet;
  let running = true;
  const collect = (queue: StreamAnswer[], answer: StreamAnswer) => {
    queue.push(answer);
    if (!ends.stdout[0] || !ends.stderr[0]) return;
    const [stdout, stderr] = [ends.stdout.shift()!, ends.stderr.shift()!];
    deliver({ code: stdout.value, stdout: stdout.text, stderr: stderr.text });
    deliver = (output) => listener.onAnswer(output);
  };
  const stdout = new AnswerReader({
    marker,
    keep: keepStdout,
    onAnswer: (answer) => collect(ends.stdout, answer),
  });
  const onStderr = (answer: StreamAnswer) => {
    if (running) collect(ends.stderr, answer);
    else listener.onStart(answer.value);
    running = !running;
  };
  const stderr = new AnswerReader({ marker, keep: keepStderr, onAnswer: onStderr });
  channel.on('data', (chunk: Buffer) => stdout.push(chunk));
  channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
}
