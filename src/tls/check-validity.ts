import type { Certificate } from './certificate.ts';
import { nameOf, validFrom, validTo } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem, warning } from './finding.ts';

const day = 24 * 60 * 60 * 1000;
const soon = 30 * day;

/** The certificate is valid now, and for another 30 days. */
export function checkValidity(certificate: Certificate, now: Date): Finding[] {
  const { at, x509 } = certificate;
  const name = nameOf(certificate);
  const from = validFrom(x509);
  const to = validTo(x509);
  if (!(from.getTime() <= now.getTime())) {
    const happened = `${name} is not valid before ${text(from)}, and it is ${text(now)}`;
    return [problem(at, happened, 'check the clock of this machine, or wait')];
  }
  const left = to.getTime() - now.getTime();
  if (!(left > 0)) return [problem(at, `${name} expired on ${text(to)}, ${days(-left)} ago`, 'renew it')];
  if (left < soon) return [warning(at, `${name} expires on ${text(to)}, in ${days(left)}`, 'renew it soon')];
  return [];
}

function text(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'an unreadable date' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

function days(milliseconds: number): string {
  const count = Math.floor(milliseconds / day);
  if (count < 1) return 'less than a day';
  return count === 1 ? '1 day' : `${count} days`;
}
