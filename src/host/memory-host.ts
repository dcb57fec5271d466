import { createHash } from 'node:crypto';
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
import { ProvisionError } from '../core/errors.ts';
import { isLargeFile } from '../core/large-file.ts';
import type { Script } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { commandFailure } from './host-failure.ts';
import { describeRequest } from './http.ts';
import { Questions } from './questions.ts';

/** What a script prints: its standard output, or any part of what a script answers. Without a `code` it ends with 0. */
export type MemoryOutput = string | Partial<Output>;

/** What happens when a script is run: it may change the host. Standard input is given as the script would read it. */
export type MemoryAnswer = MemoryOutput | ((script: string, stdin: string | undefined) => MemoryOutput);

export interface MemoryWrite extends Required<Omit<WriteOptions, 'timeoutMs'>> {
  readonly path: string;
  readonly content: Content;
}

interface Entry {
  readonly type: FileState['type'];
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
  readonly content: Uint8Array;
}

/**
 * A host that exists in memory only, for tests of resources and playbooks. Files work; a script answers what it was told to.
 * @example
 * const host = new MemoryHost();
 * host.answer(/^systemctl is-active/, 'active\n');
 * await web.apply(host, undefined);
 * expect(host.writes.map(({ path }) => path)).toEqual(['/etc/motd']);
 */
export class MemoryHost implements Host {
  readonly name: string;
  readonly address: string;
  /** Every `writeFile`, in order. */
  readonly writes: MemoryWrite[] = [];
  /** Text of every script given to `run`, in order. */
  readonly runs: string[] = [];
  /** The name of every script that was given one to go on without the connection, in order. */
  readonly detached: string[] = [];
  /** Text of every script given to `probe`, in order. */
  readonly probes: string[] = [];
  /** Every request, in order. */
  readonly requests: HttpRequest[] = [];
  /** Everything a watching person was told. */
  readonly progressed: string[] = [];
  /** How often an apply has said that facts may have changed. */
  factsForgotten = 0;
  readonly #questions = new Questions(this);
  readonly #files = new Map<string, Entry>();
  readonly #answers: { pattern: RegExp | string; answer: MemoryAnswer }[] = [];
  readonly #responses = new Map<string, () => HttpResponse>();
  #facts: Facts;

  constructor(options: { name?: string; address?: string; facts?: Partial<Facts> } = {}) {
    this.name = options.name ?? 'memory';
    this.address = options.address ?? '192.0.2.1';
    this.#facts = { ...debian12, ...options.facts };
  }

  /** Puts a file there, as if it had always been. */
  file(path: string, content: string | Uint8Array, options: Partial<WriteOptions> = {}): this {
    return this.#put(path, 'file', { mode: '0644', ...options }, content);
  }

  directory(path: string, options: Partial<WriteOptions> = {}): this {
    return this.#put(path, 'directory', { mode: '0755', ...options });
  }

  link(path: string): this {
    return this.#put(path, 'link', { mode: '0777' });
  }

  remove(path: string): this {
    this.#files.delete(path);
    return this;
  }

  /** What scripts answer that match the pattern, or contain the text. A later call wins over an earlier one. */
  answer(pattern: RegExp | string, answer: MemoryAnswer): this {
    this.#answers.unshift({ pattern, answer });
    return this;
  }

  /** What a request for `80/ping` (port and path) answers; what has no answer refuses the connection. */
  respond(portAndPath: string, response: Partial<HttpResponse> | (() => Partial<HttpResponse>)): this {
    const make = typeof response === 'function' ? response : () => response;
    this.#responses.set(portAndPath, () => ({ status: 200, headers: {}, body: '', ...make() }));
    return this;
  }

  setFacts(facts: Partial<Facts>): this {
    this.#facts = { ...this.#facts, ...facts };
    return this;
  }

  async probe(script: Script): Promise<Output> {
    this.probes.push(script.text);
    return this.#answerTo(script.text, undefined);
  }

  ask<Answer>(question: Question<Answer>, about: string): Promise<Answer | undefined> {
    return this.#questions.ask(question, about);
  }

  async stat(path: string): Promise<FileState | undefined> {
    const entry = this.#files.get(path);
    if (!entry) return undefined;
    const { content, ...state } = entry;
    const size = { ...state, size: content.byteLength };
    return state.type === 'file'
      ? { ...size, sha256: createHash('sha256').update(content).digest('hex') }
      : size;
  }

  async readFile(path: string, { maxBytes = 256 * 1024 } = {}): Promise<string | undefined> {
    const entry = this.#files.get(path);
    if (entry?.type !== 'file' || entry.content.byteLength > maxBytes) return undefined;
    return Buffer.from(entry.content).toString('utf8');
  }

  async facts(): Promise<Facts> {
    return this.#facts;
  }

  forgetFacts(): void {
    this.factsForgotten++;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    const make = this.#responses.get(`${request.port}${request.path}`);
    if (make) return make();
    throw new ProvisionError({
      code: 'CONN_REFUSED',
      happened: `${describeRequest(request)}: connection refused`,
    });
  }

  progress(text: string): void {
    this.progressed.push(text);
  }

  async run(script: Script, { stdin, doing, detached }: RunOptions = {}): Promise<Output> {
    if (detached !== undefined && stdin !== undefined)
      throw new RangeError(`a detached script reads no standard input: ${detached}`);
    if (detached !== undefined) this.detached.push(detached);
    this.runs.push(script.text);
    const output = this.#answerTo(script.text, stdin instanceof Secret ? stdin.reveal() : stdin);
    if (output.code !== 0) throw commandFailure(doing ?? 'the script', output);
    return output;
  }

  async writeFile(path: string, content: Content, options: WriteOptions): Promise<void> {
    const { mode, owner = 'root', group = 'root' } = options;
    const owned = { mode, owner, group };
    this.writes.push({ path, content, ...owned });
    this.#put(path, 'file', owned, await wholeOf(content));
  }

  #put(
    path: string,
    type: FileState['type'],
    options: Partial<WriteOptions>,
    content: string | Uint8Array = '',
  ) {
    const { mode = '0644', owner = 'root', group = 'root' } = options;
    this.#files.set(path, { type, mode, owner, group, content: Buffer.from(content) });
    return this;
  }

  #answerTo(script: string, stdin: string | undefined): Output {
    const matches = (pattern: RegExp | string) =>
      typeof pattern === 'string' ? script.includes(pattern) : pattern.test(script);
    const found = this.#answers.find(({ pattern }) => matches(pattern));
    if (!found) throw new Error(`no answer is known for this script; use host.answer(…):\n${script}`);
    const answer = typeof found.answer === 'function' ? found.answer(script, stdin) : found.answer;
    return { code: 0, stdout: '', stderr: '', ...(typeof answer === 'string' ? { stdout: answer } : answer) };
  }
}

async function wholeOf(content: Content): Promise<string | Uint8Array> {
  if (content instanceof Secret) return content.reveal();
  if (!isLargeFile(content)) return content;
  const pieces: Uint8Array[] = [];
  for await (const piece of content.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

const debian12: Facts = {
  os: 'debian',
  osLike: [],
  osVersion: '12',
  osCodename: 'bookworm',
  osName: 'Debian GNU/Linux 12 (bookworm)',
  architecture: 'x86_64',
  kernel: '6.1.0-28-amd64',
  cpus: 4,
  memoryKb: 8_000_000,
  systemd: true,
  ipv6: true,
  clockSkewMs: 0,
};
