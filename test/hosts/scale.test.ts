import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprint } from '../../src/ssh/identity/known-hosts.ts';
import { makeKey } from '../../src/ssh/testing/make-key.ts';
import { hasSshd, startSshd, type Sshd } from '../../src/ssh/testing/sshd.ts';
import { Crowd, startCrowd, type Figures } from './scale/crowd.ts';
import { fates, type Fate, type Member } from './scale/fates.ts';
import { ownPlace } from './scale/own-place.ts';
import { rightVerdicts, verdictsOf } from './scale/verdicts.ts';
import { folderWith } from './support/provision.ts';

/*
 * Many hosts in one run of the built command line, some of them bad: exactly those are reported. `PROVISION_SCALE=1000`
 * says how many hosts are simulated; 200 are without.
 */
const size = Number(process.env['PROVISION_SCALE'] ?? 200);
const kinds = Object.keys(fates) as (keyof typeof fates)[];

describe(`${size} simulated hosts, one in ten of them bad in one of seven ways`, () => {
  let members: readonly Member[];
  let crowd: Crowd;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const fateOf = (index: number): Fate =>
      index % 10 === 3 ? kinds[Math.floor(index / 10) % kinds.length]! : 'well';
    const names = Array.from({ length: size }, (_, index) => ({
      name: `host-${index}`,
      fate: fateOf(index),
    }));
    ({ members, stop } = await startCrowd(names));
    crowd = new Crowd(members);
  });
  afterAll(() => stop());

  test('G10, F57: exactly the bad ones are reported, each with its own code; the others converge', async () => {
    const { result, figures } = await crowd.run();
    tell(`${size} simulated hosts, first run`, figures);
    expect(result.stderr).toBe('');
    expect(verdictsOf(result)).toEqual(rightVerdicts(members));
    expect(result.exit).toBe(8);
    expect(figures.peakMegabytes).toBeLessThan(size > 200 ? 1000 : 400);
    expectWork(crowd, members);
  });

  test('G10, F57: the next run changes nothing on the others', async () => {
    const { result, figures } = await crowd.run();
    tell(`${size} simulated hosts, second run`, figures);
    expect(result.statuses.filter((status) => status.endsWith(': changed'))).toEqual([]);
    expect(verdictsOf(result)).toEqual(rightVerdicts(members));
  });
});

describe.runIf(hasSshd && process.getuid?.() === 0)('50 sshd, each with a port and a key of its own', () => {
  const user = userInfo().username;
  const login = makeKey();
  const keys = folderWith({ id: login.private });
  const servers: Sshd[] = [];
  let closed: Sshd;
  beforeAll(async () => {
    const line = `${login.parsed.type} ${login.public.toString('base64')}`;
    while (servers.length < 50)
      servers.push(
        await startSshd({ users: { [user]: [line] }, configuration: [`ForceCommand ${ownPlace}`] }),
      );
    closed = await startSshd({ users: {} });
  });
  afterAll(() => Promise.all([...servers, closed].map((server) => server.stop())));

  test.each<[string, number, Fate[]]>([
    ['none is bad', 0, []],
    ['a step fails on one', 2, ['step fails']],
    ['four are out of reach', 4, ['refused', 'silent', 'no login', 'silent']],
    [
      'steps fail, and others are out of reach',
      6,
      ['step fails', 'step fails', 'silent', 'no login', 'refused'],
    ],
    ['one shows another key than the inventory names', 8, ['other key', 'step fails', 'no login']],
  ])('G10, F57: %s: exit %i, and the others converge', async (what, exit, bad) => {
    const members = servers.map((server, index) => memberOf(server, index, bad[(index - 3) / 10] ?? 'well'));
    const paused = servers.filter((_, index) => members[index]!.fate === 'silent');
    const crowd = new Crowd(members, { user, keyFile: keys.file('id') });
    // The kernel still accepts connections for a process that is stopped.
    for (const { pid } of paused) process.kill(pid, 'SIGSTOP');
    const { result, figures } = await crowd.run().finally(() => {
      for (const { pid } of paused) process.kill(pid, 'SIGCONT');
    });
    tell(`50 sshd, ${what}`, figures);
    expect(result.stderr).toBe('');
    expect(verdictsOf(result)).toEqual(rightVerdicts(members));
    expect(result.exit).toBe(exit);
    expectWork(crowd, members);
  });

  function memberOf(server: Sshd, index: number, fate: Fate): Member {
    // Nobody listens on the first of all ports.
    const port = fate === 'refused' ? 1 : fate === 'no login' ? closed.port : server.port;
    const key =
      fate === 'no login' ? closed.hostKey : fate === 'other key' ? makeKey().public : server.hostKey;
    return { name: `host-${index}`, fate, address: '127.0.0.1', port, fingerprint: fingerprint(key) };
  }
});

function tell(what: string, figures: Figures): void {
  console.log(`${what}: ${JSON.stringify(figures)}`);
}

/** Hosts that are well have what their steps make; on the others the last step has done nothing. */
function expectWork({ folder }: Crowd, members: readonly Member[]): void {
  const made = members.map(({ name }) => {
    const file = `${folder}/${name}.second`;
    return [name, existsSync(file) ? readFileSync(file, 'utf8') : 'nothing'];
  });
  expect(made).toEqual(members.map(({ name, fate }) => [name, fate === 'well' ? `${name}\n` : 'nothing']));
}
