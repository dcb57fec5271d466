import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { MemoryHost } from '../host/memory-host.ts';
import type { ImageProps } from './image.ts';
import { pullProgress } from './docker-pull.ts';
import { image } from './image.ts';

const folder = '/run/provision-docker.4711.8150.AbC123';
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
    .answer('docker pull', '')
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
    const one = 'latest: Pulling from web\n0123456789ab: Pulling fs layer\nba9876543210: Already exists\n';
    expect(pullProgress('')).toBe('asking the registry');
    expect(pullProgress(one)).toBe('1 of 2 layers');
    expect(pullProgress(`${one}0123456789ab: Download complete\n`)).toBe('1 of 2 layers');
    expect(pullProgress(`${one}0123456789ab: Pull complete\n`)).toBe('2 of 2 layers');
  });

  it('F39: is pulled apart from the connection, and known again by the next run', async () => {
    expect(await pull({ reference })).toBeUndefined();
    expect(host.detached).toEqual([`docker pull ${reference}`]);
    expect(host.runs).toEqual([`docker pull ${reference} 2>&1`]);
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
    expect(host.runs).toContain(`DOCKER_CONFIG=${folder} docker pull ${reference} 2>&1`);
    expect(JSON.stringify([host.runs, host.probes, host.progressed])).not.toContain('canary-19f3');
    expect(host.runs.at(-1)).toBe(`rm -rf -- ${folder}`);
  });

  it('uses the logins of the host when it is given none', async () => {
    await pull({ reference });
    expect(host.runs.some((script) => script.includes('DOCKER_CONFIG'))).toBe(false);
  });

  it('F39: removes the login also when it is refused', async () => {
    host.answer('docker login', {
      code: 1,
      stdout: 'Error response from daemon: unauthorized: incorrect username or password',
    });
    expect(await pull({ reference, credentials })).toMatchObject({
      code: 'IMAGE_PULL',
      happened: expect.stringContaining('the registry refuses') as string,
    });
    expect(host.runs.at(-1)).toBe(`rm -rf -- ${folder}`);
    expect(host.detached).toEqual([]);
  });

  it('F39: tries again when the network fails, and not for ever', async () => {
    const failure = { code: 1, stdout: 'dial tcp 10.0.0.9:5000: connect: connection refused\n' };
    host.answer('docker pull', failure);
    expect((await pull({ reference }))?.happened).toContain('connection refused');
    expect(host.detached).toHaveLength(4);

    const answers = [failure, ''];
    host.answer('docker pull', () => answers.shift()!);
    expect(await pull({ reference })).toBeUndefined();
  });

  it('F39: does not try again what cannot get better', async () => {
    host.answer('docker pull', { code: 1, stdout: 'manifest for web:1 not found: manifest unknown\n' });
    expect((await pull({ reference }))?.code).toBe('IMAGE_PULL');
    expect(host.detached).toHaveLength(1);
  });

  it('does not remove a folder that the host has chosen', async () => {
    host.answer('mktemp -d', '/etc\n');
    expect((await pull({ reference, credentials }))?.code).toBe('DOCKER');
    expect(host.runs.some((script) => script.includes('rm -rf -- /etc'))).toBe(false);
  });

  it.each([
    [127, 'there is no Docker Engine'],
    [69, 'the Docker Engine does not answer'],
  ])('F43: cannot be pulled without an engine (%i)', async (code, happened) => {
    host.answer('docker image inspect', { code }).answer(/docker version.*>\/dev\/null \) \|\|/, { code });
    host.answer('journalctl', '');
    expect(await pull({ reference })).toMatchObject({ code: 'DOCKER', happened });
  });

  it('refuses credentials of another registry before anything is contacted', () => {
    expect(() => image({ reference: 'web:1', credentials })).toThrow(/PLAYBOOK.*docker\.io/);
  });
});
