import { readDomainName } from './domain-name.ts';
import { readIpAddress } from './ip-address.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

const expects = 'an IP address or a host name';

/**
 * An IPv4 or IPv6 address in canonical form, or a DNS name in lower case.
 * @example
 * list(hostAddress()).default([])
 */
export function hostAddress(): AskableField<string> {
  return defineField<string>({
    expects,
    schema: { type: 'string', maxLength: 253 },
    toQuestion: (message) => ({ type: 'text', message }),
    parse(value, context) {
      if (typeof value !== 'string' || value === '') return wrong(expects, value);
      const address = readIpAddress(value);
      if (address !== undefined) return { value: address };
      // Names of machines in /etc/hosts and in container networks do have underscores.
      const read = readDomainName(value, { underscore: true });
      if ('fault' in read) return problem(`must be ${expects}, but ${read.fault}`);
      if (read.notice !== undefined) context.warn([], read.notice);
      return { value: read.name };
    },
  });
}
