import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { MemoryHost } from '../host/memory-host.ts';
import type { ImageProps } from './image.ts';
import { image } from './image.ts';

const folder = '/run/provision-docker.AbC123';
const reference = 'registry.example.com:5000/web:1';
const credentials = {
  registry: 'registry.example.com:5000',
  username: 'puller',
  password: new Secret('canary-19f3', 'password'),
};

let host: MemoryHost;

beforeEach(() => {
  vi.useFakeTimers();
  host = new MemoryHost()
    .answer('docker version', '20.10.24')
    .answer('docker image inspect', { code: 1, stderr: 'No such image' })
    .answer('mktemp -d', `${folder}\n`)
    .answer(/^rm -rf -- /, '')
    .answer('setsid', '')
    .answer('[ -e status ]', '0\n')
    .answer('docker login', 'Login Succeeded\n');
});

afterEach(() => vi.useRealTimers());

async function pull(props: ImageProps) {
  const step = image(props);
  const have = await step.read(host);
  const applied = step.apply(host, have).then(
    () => undefined,
    (error: unknown) => problemsOf(error)[0],
  );
  await vi.runAllTimersAsync();
  return applied;
}

describe('image', () => {
  it('is left alone when it is there', async () => {
    host.answer('docker image inspect', 'sha256:1234\n');
    const step = image({ reference });
    expect(step.diff(await step.read(host))).toEqual([]);
  });

  it('is absent where there is no Docker, and unknown where the engine is down', async () => {
    const step = image({ reference });
    host.answer('docker image inspect', { code: 127 });
    expect(step.diff(await step.read(host))).toEqual([{ type: 'value', path: 'image', want: reference }]);
    host.answer('docker image inspect', { code: 69 });
    expect(step.diff(await step.read(host))).toEqual([{ type: 'unknown', path: 'image' }]);
  });

  it('is pulled with its progress on the screen', async () => {
    const logs = [
      'running\n0123456789ab: Pulling fs layer\nba9876543210: Already exists\n',
      'running\n0123456789ab: Download complete\nba9876543210: Already exists\n',
      '0\n0123456789ab: Pull complete\nba9876543210: Already exists\n',
    ];
    host.answer('[ -e status ]', () => logs.shift()!);
    expect(await pull({ reference })).toBeUndefined();
    expect(host.progressed).toEqual(Array(2).fill(`pulling ${reference}: 1 of 2 layers`));
    expect(host.runs.at(-1)).toBe(`rm -rf -- ${folder}`);
  });

  it('logs in with the password on standard input, in a folder that is gone afterwards', async () => {
    let read: string | undefined;
    host.answer('docker login', (_, stdin) => ((read = stdin), ''));
    await pull({ reference, credentials });
    expect(read).toBe('canary-19f3');
    const login = host.runs.find((script) => script.includes('docker login'));
    expect(login).toContain(
      `DOCKER_CONFIG=${folder} docker login --username puller --password-stdin registry.example.com:5000`,
    );
    expect(host.runs.find((script) => script.includes('setsid'))).toContain(`DOCKER_CONFIG=${folder} setsid`);
    expect(JSON.stringify([host.runs, host.probes, host.progressed])).not.toContain('canary-19f3');
    expect(host.runs.at(-1)).toBe(`rm -rf -- ${folder}`);
  });

  it('uses the logins of the host when it is given none', async () => {
    await pull({ reference });
    expect(host.runs.some((script) => script.includes('DOCKER_CONFIG'))).toBe(false);
  });

  it('removes the login also when it is refused', async () => {
    host.answer('docker login', {
      code: 1,
      stdout: 'Error response from daemon: unauthorized: incorrect username or password',
    });
    expect(await pull({ reference, credentials })).toMatchObject({
      code: 'IMAGE_PULL',
      happened: expect.stringContaining('the registry refuses') as string,
    });
    expect(host.runs.at(-1)).toBe(`rm -rf -- ${folder}`);
    expect(host.runs.some((script) => script.includes('setsid'))).toBe(false);
  });

  it('tries again when the network fails, and not for ever', async () => {
    const failure = '1\ndial tcp 10.0.0.9:5000: connect: connection refused\n';
    host.answer('[ -e status ]', failure);
    expect((await pull({ reference }))?.happened).toContain('connection refused');
    expect(host.runs.filter((script) => script.includes('setsid'))).toHaveLength(4);

    const answers = [failure, '0\n'];
    host.answer('[ -e status ]', () => answers.shift()!);
    expect(await pull({ reference })).toBeUndefined();
  });

  it('does not try again what cannot get better', async () => {
    host.answer('[ -e status ]', '1\nmanifest for web:1 not found: manifest unknown\n');
    expect((await pull({ reference }))?.code).toBe('IMAGE_PULL');
    expect(host.runs.filter((script) => script.includes('setsid'))).toHaveLength(1);
  });

  it('does not remove a folder that the host has chosen', async () => {
    host.answer('mktemp -d', '/etc\n');
    expect((await pull({ reference }))?.code).toBe('DOCKER');
    expect(host.runs.some((script) => script.includes('rm -rf -- /etc'))).toBe(false);
  });

  it.each([
    [127, 'there is no Docker Engine'],
    [69, 'the Docker Engine does not answer'],
  ])('cannot be pulled without an engine (%i)', async (code, happened) => {
    host.answer('docker image inspect', { code }).answer(/docker version.*>\/dev\/null \) \|\|/, { code });
    host.answer('journalctl', '');
    expect(await pull({ reference })).toMatchObject({ code: 'DOCKER', happened });
  });

  it('refuses credentials of another registry before anything is contacted', () => {
    expect(() => image({ reference: 'web:1', credentials })).toThrow(/PLAYBOOK.*docker\.io/);
  });
});
