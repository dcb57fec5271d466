import { readDomainName } from './domain-name.ts';
import { readIpAddress } from './ip-address.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

const expects = 'a full host name such as rancher.example.com';

/**
 * A full DNS name of at least two parts, in lower case; a Unicode name becomes punycode, which is shown.
 * @example
 * fqdn().ask('Name under which people reach it')
 */
export function fqdn(): AskableField<string> {
  return defineField<string>({
    expects,
    schema: { type: 'string', format: 'idn-hostname', maxLength: 253 },
    toQuestion: (message) => ({ type: 'text', message }),
    parse(value, context) {
      if (typeof value !== 'string' || value === '') return wrong(expects, value);
      if (readIpAddress(value) !== undefined) return problem(`must be ${expects}, found an IP address`);
      const read = readDomainName(value);
      if ('fault' in read) return problem(`must be ${expects}, but ${read.fault}`);
      if (!read.name.includes('.')) return problem(`must be ${expects}, but has no domain`, 'add the domain');
      if (read.notice !== undefined) context.warn([], read.notice);
      return { value: read.name };
    },
  });
}
