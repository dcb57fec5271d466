import { connect } from 'node:net';
import ssh2 from 'ssh2';
import type { BaseAgent, IdentityCallback, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';
import { isCertificateType, parseCertificate } from '../identity/certificate.ts';
import { keyType } from '../identity/known-hosts.ts';
import { certifiedKey } from './user-certificates.ts';
import { WireReader, wireString } from '../identity/wire-reader.ts';

/** What an agent holds. */
export interface HeldKeys {
  readonly agent: BaseAgent;
  readonly keys: readonly ParsedKey[];
  /** Whole certificates of users, in wire format. */
  readonly certificates: readonly Buffer[];
}

/** A key that the agent signs for. */
export interface AgentIdentity {
  /** As it is shown to the host. */
  readonly key: ParsedKey;
  /** As the agent knows it. */
  readonly held: Buffer;
}

/** An agent that offers chosen identities only: a host that counts attempts must not be shown every key that a person owns. */
export class ChosenIdentities extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  readonly #socket: string;
  readonly #identities: readonly AgentIdentity[];

  constructor(agent: BaseAgent, socket: string, identities: readonly AgentIdentity[]) {
    super();
    this.#agent = agent;
    this.#socket = socket;
    this.#identities = identities;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(
      null,
      this.#identities.map(({ key }) => key),
    );
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const finish = typeof options === 'function' ? options : done;
    const identity = this.#identities.find((candidate) => candidate.key === key);
    if (identity && isCertificateType(key.type)) {
      signByAgent(this.#socket, identity, data).then(
        (signature) => finish?.(null, signature),
        (error: unknown) => finish?.(error as Error),
      );
    } else if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

/** The agent behind a socket and what it holds. Rejects when it does not answer within 5 seconds. */
export async function askAgent(socket: string): Promise<HeldKeys> {
  const agent = ssh2.createAgent(socket);
  const keys = await new Promise<ParsedKey[]>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it does not answer')), 5000);
    agent.getIdentities((error, found) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve((found ?? []).flatMap(asKey));
    });
  });
  return { agent, keys, certificates: await heldCertificates(socket) };
}

function asKey(entry: unknown): ParsedKey[] {
  const parsed = ssh2.utils.parseKey(entry as ParsedKey);
  return parsed instanceof Error || isCertificateType(parsed.type) ? [] : [parsed];
}

/** Undefined when it is damaged, or of a kind that is not supported. */
export function identityOfCertificate(
  wire: Buffer,
  held = wire,
):
  | { readonly identity: AgentIdentity; readonly certificate: ReturnType<typeof parseCertificate> }
  | undefined {
  try {
    const certificate = parseCertificate(wire);
    const line = `${keyType(certificate.key) ?? ''} ${certificate.key.toString('base64')}`;
    const key = ssh2.utils.parseKey(line);
    if (key instanceof Error) return undefined;
    return { identity: { key: certifiedKey(key, certificate, wire), held }, certificate };
  } catch {
    return undefined;
  }
}

// ssh2 leaves certificates out when it lists what an agent holds, and lets it sign for RSA with SHA-1.

const messages = { listKeys: 11, keys: 12, sign: 13, signature: 14 } as const;
const rsaSha512 = 4;

async function heldCertificates(socket: string): Promise<Buffer[]> {
  const reader = await ask(socket, Buffer.from([messages.listKeys]), messages.keys).catch(() => undefined);
  const found: Buffer[] = [];
  for (let left = reader?.uint32() ?? 0; reader && left > 0; left--) {
    const key = reader.string();
    reader.string();
    if (isCertificateType(keyType(key) ?? '')) found.push(key);
  }
  return found;
}

async function signByAgent(socket: string, identity: AgentIdentity, data: Buffer): Promise<Buffer> {
  const flags = Buffer.alloc(4);
  const algorithm = identity.key.type.replace(/-cert-v\d\d@openssh\.com$/, '');
  if (algorithm.startsWith('rsa-')) flags.writeUInt32BE(rsaSha512);
  const request = [Buffer.from([messages.sign]), wireString(identity.held), wireString(data), flags];
  const reader = await ask(socket, Buffer.concat(request), messages.signature);
  const signature = new WireReader(reader.string());
  const used = signature.text();
  if (used !== algorithm) throw new Error(`it signed with ${used} instead of ${algorithm}`);
  return signature.string();
}

const agentPatienceMs = 60_000;

/** One question to the agent. Somebody may have to confirm a signature by hand, so it is given time. */
function ask(socket: string, request: Buffer, expected: number): Promise<WireReader> {
  return new Promise((resolve, reject) => {
    const line = connect(socket);
    let answer = Buffer.alloc(0);
    const fail = (reason: string) => {
      line.destroy();
      reject(new Error(reason));
    };
    line.setTimeout(agentPatienceMs, () => fail('it does not answer'));
    line.on('error', (error) => fail(error.message));
    line.on('close', () => fail('it ended the conversation'));
    line.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length > 1024 * 1024) return void fail('its answer is too long');
      if (answer.length < 5 || answer.length < 4 + answer.readUInt32BE()) return;
      if (answer[4] !== expected) return void fail('it refuses');
      resolve(new WireReader(answer.subarray(5)));
      line.destroy();
    });
    line.write(wireString(request));
  });
}
