import { randomBytes } from 'node:crypto';
import { ProvisionError } from '../core/errors.ts';
import type {
  Content,
  Facts,
  FileState,
  Host,
  HttpRequest,
  HttpResponse,
  Output,
  Question,
  RunOptions,
  WriteOptions,
} from '../core/host.ts';
import type { Script } from '../core/script.ts';
import { atomicWrite } from './atomic-write.ts';
import type { Connection } from './connection.ts';
import { gatherFacts } from './facts.ts';
import { fileStates } from './file-state.ts';
import { commandFailure } from './host-failure.ts';
import { hostPathProblem } from './host-path.ts';
import { exchange } from './http.ts';
import type { ProvenFile } from './proven-file.ts';
import { Questions } from './questions.ts';
import { readFile } from './read-file.ts';
import { runDetached } from './run-detached.ts';

export interface RemoteHostOptions {
  /** Name in the inventory. */
  readonly name: string;
  /** Where it is reached: IP address or DNS name. */
  readonly address: string;
  readonly connection: Connection;
  /** Called with what is being waited for. */
  readonly progress: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** A machine behind a connection: files, facts, scripts and HTTP, in as few round trips as they need. */
export class RemoteHost implements Host {
  readonly name: string;
  readonly address: string;
  readonly #connection: Connection;
  readonly #progress: (text: string) => void;
  readonly #clock: () => number;
  /** By it what this run has started on the host is known again. */
  readonly #run = randomBytes(8).toString('hex');
  readonly #questions = new Questions(this);
  /** The large files that this run has written. */
  readonly #proven = new Map<string, ProvenFile>();
  readonly #states: Question<FileState> = (_, paths) => fileStates(this.#connection, paths, this.#proven);
  #facts: Promise<Facts> | undefined;

  constructor({ name, address, connection, progress, clock }: RemoteHostOptions) {
    this.name = name;
    this.address = address;
    this.#connection = connection;
    this.#progress = progress;
    this.#clock = clock;
  }

  probe(script: Script, { timeoutMs = 60_000 } = {}): Promise<Output> {
    return this.#connection.execute(script, { doing: 'looking at the host', timeoutMs });
  }

  ask<Answer>(question: Question<Answer>, about: string): Promise<Answer | undefined> {
    return this.#questions.ask(question, about);
  }

  async stat(path: string): Promise<FileState | undefined> {
    requireHostPath(path);
    return this.ask(this.#states, path);
  }

  async readFile(path: string, { maxBytes = 256 * 1024 } = {}): Promise<string | undefined> {
    requireHostPath(path);
    return readFile(this.#connection, path, maxBytes);
  }

  facts(): Promise<Facts> {
    if (this.#facts) return this.#facts;
    const facts = gatherFacts(this.#connection, this.#clock);
    this.#facts = facts;
    facts.catch(() => {
      if (this.#facts === facts) this.#facts = undefined;
    });
    return facts;
  }

  forgetFacts(): void {
    this.#facts = undefined;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    return exchange((...to) => this.#connection.dial(...to), request);
  }

  progress(text: string): void {
    this.#progress(text);
  }

  async run(script: Script, options: RunOptions = {}): Promise<Output> {
    const { stdin, timeoutMs = 60_000, doing: what = firstLine(script), detached } = options;
    const output = await (detached === undefined
      ? this.#connection.execute(script, { doing: what, timeoutMs, ...(stdin !== undefined && { stdin }) })
      : this.#runDetached(script, { ...options, timeoutMs, doing: what, detached }));
    if (output.code !== 0) throw commandFailure(what, output);
    return output;
  }

  #runDetached(
    script: Script,
    options: Required<Omit<RunOptions, 'stdin' | 'progressOf'>> & RunOptions,
  ): Promise<Output> {
    const { stdin, detached: name, timeoutMs, doing, progressOf = lastLine } = options;
    // It would have to lie in a file for as long as the script may run.
    if (stdin !== undefined) throw new RangeError(`a detached script reads no standard input: ${name}`);
    const work = { name, script, timeoutMs, doing, run: this.#run, progress: this.#progress, progressOf };
    return runDetached(this.#connection, work);
  }

  async writeFile(path: string, content: Content, options: WriteOptions): Promise<void> {
    requireHostPath(path);
    this.#proven.delete(path);
    const written = await atomicWrite(this.#connection, path, content, {
      ...options,
      progress: this.#progress,
    });
    if (written) this.#proven.set(path, written);
  }
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.trim().slice(0, 200) ?? '';
}

function requireHostPath(path: string): void {
  const problem = hostPathProblem(path);
  if (problem === undefined) return;
  throw new ProvisionError({ code: 'UNSAFE_PATH', happened: `the path ${JSON.stringify(path)} ${problem}` });
}

function firstLine(script: Script): string {
  const line = script.text.trim().split('\n', 1)[0] ?? '';
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
