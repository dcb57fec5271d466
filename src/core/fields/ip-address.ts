/**
 * The canonical form of an IPv4 or IPv6 address, or undefined. Short and octal IPv4 (`127.1`, `010.0.0.1`) is none:
 * programs disagree on what it means.
 * @example
 * readIpAddress('2001:DB8:0::1'); // => '2001:db8::1'
 */
export function readIpAddress(text: string): string | undefined {
  if (ipv4.test(text)) return text;
  if (!/^[0-9A-Fa-f:.]+$/.test(text) || !text.includes(':')) return undefined;
  try {
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}

const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`);
