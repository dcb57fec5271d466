import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { coversHost, hashedName, parseKnownHosts } from './known-hosts.ts';
import { makeFolder, removeFolders } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';

afterAll(removeFolders);

const sshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

// Set KNOWN_HOSTS_FILES for more: every 1,000 take some two seconds.
const files = Number(process.env['KNOWN_HOSTS_FILES'] ?? 3000);
const filesPerStart = 150;

const names = [
  'a.example.com',
  'b.example.com',
  'example.com',
  'web1',
  '10.0.0.5',
  '10.0.0.50',
  '[a.example.com]:2222',
  '[web1]:22022',
  '[10.0.0.5]:2222',
  '::1',
  '2001:db8::5',
  '[2001:db8::5]:2222',
  'fe80::1%eth0',
  '[fe80::1%eth0]:2222',
  'xn--bcher-kva.example',
];

/*
 * A line covers a host or not, whatever stands around it. So many files are put into one, of which ssh-keygen then tells
 * for each name which lines it found: a start of ssh-keygen takes as long as judging a thousand lines.
 */
test.skipIf(!sshKeygen)(
  `S25, G14: which lines cover a host agrees with ssh-keygen -F on ${files} generated files, for ${names.length} names each`,
  async () => {
    const folder = makeFolder();
    const seed = Number(process.env['KNOWN_HOSTS_SEED'] ?? 7);
    for (let done = 0; done < files; done += filesPerStart) {
      const generated = fc.sample(generatedFile(), { numRuns: filesPerStart, seed: seed + done });
      const file = join(folder, 'known_hosts');
      const text = generated.map((lines) => lines.map((line) => `${line}\n`).join('')).join('');
      writeFileSync(file, text);
      const known = parseKnownHosts(text, file);
      const found = await Promise.all(names.map((name) => linesOfSshKeygen(file, name)));
      for (const [index, name] of names.entries()) {
        const ours = known
          .filter(({ hosts }) => coversHost(hosts, name))
          .map(({ line, marker }) => `${line} ${words[marker ?? 'none']}`);
        const all = text.split('\n');
        for (const one of new Set([...ours, ...found[index]!])) {
          const line = all[Number.parseInt(one) - 1];
          expect(ours.includes(one), `${name}, seed ${seed + done}, ${JSON.stringify(line)}`).toBe(
            found[index]!.includes(one),
          );
        }
      }
    }
  },
  600_000,
);

const words = { none: '', 'cert-authority': 'CA', revoked: 'REVOKED' };

async function linesOfSshKeygen(file: string, name: string): Promise<string[]> {
  const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const { stdout } = await promisify(execFile)('ssh-keygen', ['-F', name, '-f', file], options).catch(
    (error: unknown) => error as { stdout: string },
  );
  return [...stdout.matchAll(/^# Host .* found: line (\d+) ?(CA|REVOKED)? *$/gm)].map(
    ([, line, marker]) => `${line} ${marker ?? ''}`,
  );
}

// Only whole keys: ssh-keygen -F does not look at the key, while a line with a broken one is of no use to us.
const keys = [makeKey(), makeKey('ecdsa'), makeKey('rsa')].map(
  ({ parsed, public: key }) => `${parsed.type} ${key.toString('base64')}`,
);
const hashes = names.flatMap((name) => [hashedName(name), hashedName(name)]);

function generatedFile(): fc.Arbitrary<string[]> {
  return fc.array(generatedLine(), { minLength: 1, maxLength: 25 });
}

function generatedLine(): fc.Arbitrary<string> {
  const entry = fc
    .tuple(
      fc.constantFrom('', '', '', '!', '!!'),
      fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names) }, pattern()),
    )
    .map(([negation, text]) => negation + text);
  const hosts = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.array(entry, { minLength: 1, maxLength: 5 }).map((entries) => entries.join(',')),
    },
    { weight: 2, arbitrary: fc.constantFrom(...hashes) },
    { weight: 1, arbitrary: fc.constantFrom(...hashes).chain(damaged) },
  );
  const marker = fc.constantFrom(
    ...['', '', '', '', '', '@revoked ', '@cert-authority ', '@cert-authority  ', '@revoked @revoked '],
    ...['@nonsense ', '@', '@ ', '#', '# ', '@Revoked '],
  );
  const space = fc.constantFrom(' ', '\t', '  ', ' \t');
  const comment = fc.constantFrom('', ' comment', ' # two words', '\tx', ' ', '\r', ' comment\r');
  return fc
    .tuple(fc.constantFrom('', '', ' ', '\t'), marker, hosts, space, fc.constantFrom(...keys), comment)
    .map((parts) => parts.join(''));
}

function pattern(): fc.Arbitrary<string> {
  const fixed = [
    '*',
    '?*',
    '*.example.com',
    'web?',
    '10.0.*',
    '10.0.0.5?',
    '[*]:2222',
    '[*]:*',
    '[web?]:22022',
  ];
  const odd = [
    'A.Example.COM',
    'WEB1',
    '?.example.com',
    '*a*',
    '**',
    '',
    '2001:db8::*',
    'FE80::1%ETH0',
    '*%eth0',
    '[::1]:22',
  ];
  const long = [
    `${'x'.repeat(1021)}*`,
    '*'.repeat(1022),
    'y'.repeat(1023),
    '*'.repeat(1023),
    '*'.repeat(3000),
  ];
  const mutated = fc
    .tuple(fc.constantFrom(...names), fc.nat(20), fc.constantFrom('*', '?', '', 'z', '|', '\\'))
    .map(([name, at, put]) => name.slice(0, at) + put + name.slice(at + 1));
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...fixed, ...odd) },
    { weight: 3, arbitrary: mutated },
    { weight: 1, arbitrary: fc.constantFrom(...long) },
  );
}

function damaged(hash: string): fc.Arbitrary<string> {
  return fc.constantFrom(
    hash.slice(0, -1),
    hash.replace('|1|', '|2|'),
    hash.replace(/=\|/, '|'),
    `${hash},web1`,
    `x${hash}`,
    hash.toLowerCase(),
    '|1|',
    '|1|x|y',
    `${hash}=`,
  );
}
