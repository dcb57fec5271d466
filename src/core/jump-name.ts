import { readDomainName } from './fields/domain-name.ts';
import { readIpAddress } from './fields/ip-address.ts';

/** A host on the way to another one. What is not said here, its own settings say. */
export interface JumpName {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/**
 * The hops of a `ProxyJump`, the nearest first; none at all for `none`.
 * @example
 * readJump('bastion,ops@[2001:db8::1]:2222'); // => { value: [{ host: 'bastion' }, { host: '2001:db8::1', user: 'ops', port: 2222 }] }
 */
export function readJump(text: string): { value: readonly JumpName[] } | { fault: string } {
  if (text.toLowerCase() === 'none') return { value: [] };
  const hops: JumpName[] = [];
  for (const part of text.split(',')) {
    const hop = readHop(part);
    if (!hop) return { fault: 'must name hosts as user@host:port, with commas between' };
    hops.push(hop);
  }
  return { value: hops };
}

function readHop(part: string): JumpName | undefined {
  const bare = part.replace(/^ssh:\/\//i, '').replace(/\/$/, '');
  const split = bare.lastIndexOf('@');
  const user = split < 0 ? undefined : bare.slice(0, split);
  if (user !== undefined && !isUser(user)) return undefined;
  const place = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(bare.slice(split + 1));
  const host = place?.[1] ?? place?.[2];
  if (host === undefined || canonicalHost(host) === undefined) return undefined;
  if (place?.[3] !== undefined && !isPort(place[3])) return undefined;
  return {
    host,
    ...(user !== undefined && { user }),
    ...(place?.[3] !== undefined && { port: Number(place[3]) }),
  };
}

/** A grammar, not a list of what is forbidden: no name can start an option or hold a character that a shell knows. */
export function canonicalHost(name: string): string | undefined {
  const address = readIpAddress(name);
  if (address !== undefined) return address;
  const read = readDomainName(name, { underscore: true });
  return 'name' in read ? read.name : undefined;
}

export function isUser(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/.test(name);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
