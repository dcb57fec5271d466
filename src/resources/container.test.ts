import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDocker, type Behaviour } from '../../test/support/fake-docker.ts';
import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Observation } from '../core/step.ts';
import { MemoryHost } from '../host/memory-host.ts';
import type { ContainerProps } from './container.ts';
import { container } from './container.ts';

const props: ContainerProps = {
  name: 'web',
  image: 'example/web:1',
  ports: [{ host: 80, container: 8080 }],
  mounts: [{ type: 'volume', name: 'data', target: '/data' }],
  env: { LEVEL: '1' },
};

let host: MemoryHost;
let docker: FakeDocker;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2025-06-01T12:00:00Z') });
  host = new MemoryHost();
  docker = new FakeDocker().install(host);
  for (const version of [1, 2, 3]) docker.images.add(`example/web:${version}`);
});

afterEach(() => vi.useRealTimers());

/** Lets fake time pass until the promise has come to an end. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  const ending = Promise.allSettled([promise]).then(() => 'ended');
  while ((await Promise.race([ending, vi.advanceTimersByTimeAsync(500)])) !== 'ended');
  return promise;
}

async function changesOf(wanted: ContainerProps) {
  const step = container(wanted);
  return step.diff(await step.read(host));
}

async function effectsOf(wanted: ContainerProps) {
  const step = container(wanted);
  const have = await step.read(host);
  return step.effects(have, step.diff(have)).map(({ type, what }) => `${type} ${what}`);
}

async function apply(wanted: ContainerProps): Promise<void> {
  const step = container(wanted);
  await inTime(step.apply(host, await step.read(host)));
}

async function failure(wanted: ContainerProps) {
  const error: unknown = await apply(wanted).catch((thrown: unknown) => thrown);
  if (!(error instanceof ProvisionError)) throw new Error(`no ProvisionError but ${String(error)}`);
  return error.problems[0];
}

describe('a plan', () => {
  it('tells whether a container is new, replaced or only started', async () => {
    const download = 'download image example/web:1, unless the host has it';
    expect(await effectsOf(props)).toEqual([download, 'start container web']);
    await apply(props);
    expect(await effectsOf(props)).toEqual([]);
    expect(await effectsOf({ ...props, restart: 'always' })).toEqual([]);
    expect(await effectsOf({ ...props, env: { LEVEL: '2' } })).toEqual([
      'replace container web, which is down meanwhile',
    ]);
    docker.containers[0]!.status = 'exited';
    expect(await effectsOf(props)).toEqual(['restart container web']);
  });

  it('does not hold it against a container how long it has run', async () => {
    await apply(props);
    const step = container(props);
    const before = step.precondition(await step.read(host));
    await vi.advanceTimersByTimeAsync(100_000);
    expect(step.precondition(await step.read(host))).toEqual(before);
    docker.containers[0]!.status = 'exited';
    expect(step.precondition(await step.read(host))).not.toEqual(before);
  });
});

describe('a container that is absent', () => {
  it('is planned in full on a host that has no Docker yet', async () => {
    docker.state = 'missing';
    const changes = await changesOf(props);
    expect(changes.map(({ path }) => path)).toEqual([
      'image',
      'ports',
      'mounts./data',
      'env.LEVEL',
      'restart',
    ]);
  });

  it('F43: is unknown while the engine is down', async () => {
    docker.state = 'silent';
    expect(await changesOf(props)).toEqual([{ type: 'unknown', path: 'container' }]);
  });

  it('F43: cannot be made without an engine, and the journal says why', async () => {
    docker.state = 'silent';
    const problem = await failure(props);
    expect(problem.code).toBe('DOCKER');
    expect(problem.detail).toContain('iptables not found');
    expect(problem.remedy).toContain('install iptables');
  });

  it('is started, and then nothing is left to do', async () => {
    await apply(props);
    expect(docker.named('web')).toMatchObject({ status: 'running', policy: 'unless-stopped' });
    expect(await changesOf(props)).toEqual([]);
  });

  it('F40: stays for a look when it does not come up, and is not taken for a good one by the next run', async () => {
    docker.behaviours.set('example/web:1', 'loops');
    const problem = await failure(props);
    expect(problem.code).toBe('CONTAINER_UNHEALTHY');
    expect(problem.happened).toMatch(
      /restarts in a loop: \d+ restarts, last exit code 1; its log says: \[FATAL\]/,
    );
    expect(problem.hostState).toContain('docker logs web');
    expect(docker.named('web')).toBeDefined();
    expect(await changesOf(props)).toMatchObject([{ path: 'state', want: 'running' }]);

    docker.behaviours.delete('example/web:1');
    await apply(props);
    expect(await changesOf(props)).toEqual([]);
  });

  it('F40: is not taken for a good one while Docker restarts it again and again', async () => {
    docker.behaviours.set('example/web:1', 'flaps');
    expect((await failure(props)).happened).toContain('restarts in a loop');
    expect(await changesOf(props)).toMatchObject([
      { path: 'state', have: expect.stringMatching(/^restarted \d+ times$/) as string },
    ]);
  });

  it('F40: is not left behind when it could not even start', async () => {
    docker.behaviours.set('example/web:1', 'refuses');
    const problem = await failure(props);
    expect(problem).toMatchObject({ code: 'DOCKER', remedy: expect.stringContaining('ss -ltnp') as string });
    expect(docker.containers).toEqual([]);
  });

  it('needs the source of a bind mount, or the leave to make it', async () => {
    const mount = { type: 'bind', source: '/srv/web', target: '/web' } as const;
    expect((await failure({ ...props, mounts: [mount] })).happened).toContain('/srv/web');
    expect(docker.containers).toEqual([]);

    await apply({ ...props, mounts: [{ ...mount, create: true }] });
    expect(host.runs.some((script) => script.includes('mkdir -p -- /srv/web'))).toBe(true);
  });
});

describe('a container that runs', () => {
  beforeEach(() => apply(props));

  it.each<[string, Partial<ContainerProps>, string[]]>([
    ['image', { image: 'example/web:2' }, ['image']],
    ['another spelling of the image', { image: 'docker.io/example/web:1' }, []],
    ['ports', { ports: [{ host: 81, container: 8080 }] }, ['ports']],
    ['variables', { env: { LEVEL: '2', MORE: 'x' } }, ['env.LEVEL', 'env.MORE']],
    ['mounts', { mounts: [] }, ['mounts./data']],
    ['arguments', { args: ['--flag'] }, ['args']],
    ['privileged', { privileged: true }, ['privileged']],
    ['labels', { labels: { team: 'a' } }, ['labels.team']],
    ['log options', { logOptions: { 'max-size': '10m' } }, ['logOptions.max-size']],
    ['restart policy', { restart: 'always' }, ['restart']],
    ['defaults that are written out', { privileged: false, args: [], restart: 'unless-stopped' }, []],
  ])('differs by its %s only', async (_, change, paths) => {
    const changes = await changesOf({ ...props, ...change });
    expect(changes.map(({ path }) => path)).toEqual(paths);
  });

  it('F42: shows old and new value', async () => {
    expect(await changesOf({ ...props, image: 'example/web:2' })).toEqual([
      { type: 'value', path: 'image', have: 'docker.io/example/web:1', want: 'docker.io/example/web:2' },
    ]);
  });

  it('keeps running while only its restart policy changes', async () => {
    const { id } = docker.named('web')!;
    await apply({ ...props, restart: 'always' });
    expect(docker.named('web')).toMatchObject({ id, policy: 'always', status: 'running' });
    expect(await changesOf({ ...props, restart: 'always' })).toEqual([]);
  });

  it.each(['exited', 'paused', 'created'] as const)('F42: is started again when it is %s', async (status) => {
    const running = docker.named('web')!;
    running.status = status;
    expect(await changesOf(props)).toMatchObject([{ path: 'state', want: 'running' }]);
    await apply(props);
    expect(docker.named('web')).toMatchObject({ id: running.id, status: 'running' });
  });

  it('F42: is found by its label when somebody has renamed it', async () => {
    const running = docker.named('web')!;
    running.name = 'strange';
    expect(await changesOf(props)).toEqual([{ type: 'value', path: 'name', have: 'strange', want: 'web' }]);
    await apply(props);
    expect(running.name).toBe('web');
  });

  it('F42: is replaced: aside, new one, and only then removed, without its volumes', async () => {
    const old = docker.named('web')!.id;
    docker.commands.length = 0;
    await apply({ ...props, image: 'example/web:2' });
    expect(docker.containers.map(({ name, image }) => [name, image])).toEqual([['web', 'example/web:2']]);
    expect(docker.commands.map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual([
      `docker stop ${old}`,
      'docker update --restart',
      `docker rename ${old}`,
      'docker run --detach',
      'docker rm --force',
    ]);
    expect(docker.commands.at(-1)).toBe(`docker rm --force ${old}`);
    expect(await changesOf({ ...props, image: 'example/web:2' })).toEqual([]);
  });

  it.each<[Behaviour, string]>([
    ['loops', 'CONTAINER_UNHEALTHY'],
    ['exits', 'CONTAINER_UNHEALTHY'],
    ['refuses', 'DOCKER'],
  ])('F40: runs again when the one that replaces it %s', async (behaviour, code) => {
    const { id } = docker.named('web')!;
    docker.behaviours.set('example/web:2', behaviour);
    const problem = await failure({ ...props, image: 'example/web:2' });
    expect(problem).toMatchObject({ code, hostState: 'the previous container runs again' });
    expect(docker.containers).toMatchObject([
      { id, name: 'web', status: 'running', policy: 'unless-stopped' },
    ]);
  });

  it('F40: stays stopped when it was stopped before a replacement that fails', async () => {
    docker.named('web')!.status = 'exited';
    docker.behaviours.set('example/web:2', 'exits');
    expect((await failure({ ...props, image: 'example/web:2' })).hostState).toContain(
      'stopped as it was before',
    );
    expect(docker.named('web')).toMatchObject({ image: 'example/web:1', status: 'exited' });
  });

  it('F39: is not stopped while the image of the new one cannot be had', async () => {
    docker.commands.length = 0;
    host.answer('docker pull', { code: 1, stdout: 'manifest unknown\n' });
    expect((await failure({ ...props, image: 'example/web:9' })).code).toBe('IMAGE_PULL');
    expect(docker.commands).toEqual([]);
    expect(docker.named('web')!.status).toBe('running');
  });
});

describe('F28: a run that is killed between any two commands of a replacement', () => {
  it.each([0, 1, 2, 3, 4])('is repaired by the next one (after %i commands)', async (commands) => {
    for (const next of ['example/web:1', 'example/web:2', 'example/web:3']) {
      docker.containers.length = 0;
      docker.commandsLeft = Infinity;
      await apply(props);
      docker.commandsLeft = commands;
      await apply({ ...props, image: 'example/web:2' }).catch(() => undefined);
      docker.commandsLeft = Infinity;

      const wanted = { ...props, image: next };
      if ((await changesOf(wanted)).length > 0) await apply(wanted);
      expect(docker.containers).toMatchObject([
        { name: 'web', image: next, status: 'running', policy: 'unless-stopped' },
      ]);
      expect(await changesOf(wanted)).toEqual([]);
    }
  });

  it('never goes back behind a new one that ran: it may have changed the data', async () => {
    await apply(props);
    docker.commandsLeft = 4;
    await apply({ ...props, image: 'example/web:2' }).catch(() => undefined);
    docker.commandsLeft = Infinity;
    docker.behaviours.set('example/web:3', 'loops');

    await failure({ ...props, image: 'example/web:3' });
    expect(docker.containers).toMatchObject([{ name: 'web', image: 'example/web:2', status: 'running' }]);
  });

  it('goes back to the old one when the new one turns out to be no good', async () => {
    await apply(props);
    const { id } = docker.named('web')!;
    docker.commandsLeft = 4;
    await apply({ ...props, image: 'example/web:2' }).catch(() => undefined);
    docker.commandsLeft = Infinity;
    docker.behaviours.set('example/web:2', 'loops');

    const problem = await failure({ ...props, image: 'example/web:2' });
    expect(problem.hostState).toBe('the previous container runs again');
    expect(docker.containers).toMatchObject([{ id, name: 'web', status: 'running' }]);
  });
});

describe('F42: a name that belongs to somebody else', () => {
  it.each(['web', 'web.provision-old'])('is left alone: %s', async (name) => {
    docker.make({ name, image: 'nginx:1' });
    await expect(changesOf(props)).rejects.toThrow(/NAME_CONFLICT.*nginx:1.*docker rename/);
    expect(docker.commands).toEqual([]);
  });
});

describe('readiness', () => {
  const ready = (observe: () => Observation) => ({
    describe: 'http://web/ping',
    observe: async () => observe(),
    timeoutMs: 60_000,
  });

  it('F41: is waited for, and said on the screen', async () => {
    let looks = 0;
    await apply({ ...props, ready: ready(() => ({ holds: ++looks > 3, saw: `refused ${looks}` })) });
    expect(host.progressed).toContain('web: waiting for http://web/ping: refused 2 (1 s)');
  });

  it('F41: fails when it does not come in time, and does not read as done afterwards', async () => {
    const never = { ...props, ready: ready(() => ({ holds: false, saw: 'HTTP 404' })) };
    const problem = await failure(never);
    expect(problem.happened).toContain('is not up after 60 s: waited for http://web/ping, saw HTTP 404');
    expect(await changesOf(never)).toEqual([
      { type: 'value', path: 'ready', have: 'HTTP 404', want: 'http://web/ping' },
    ]);
  });

  it('F41: ends at once when it is hopeless', async () => {
    const hopeless = ready(() => ({ holds: false, saw: 'HTTP 500', hopeless: 'has a wrong certificate' }));
    const before = Date.now();
    expect((await failure({ ...props, ready: hopeless })).happened).toContain('has a wrong certificate');
    expect(Date.now() - before).toBeLessThan(5_000);
  });

  it('F40: ends early when the container restarts in a loop', async () => {
    docker.behaviours.set('example/web:1', 'loops');
    const before = Date.now();
    const problem = await failure({ ...props, ready: ready(() => ({ holds: false, saw: 'refused' })) });
    expect(problem.happened).toContain('restarts in a loop');
    expect(Date.now() - before).toBeLessThan(10_000);
  });
});

describe('secrets', () => {
  const canary = 'canary-7c1e';
  const withSecret = (value: string) => ({ ...props, secretEnv: { TOKEN: new Secret(value, 'token') } });

  it('travel in a file that only root can read, and in nothing else', async () => {
    await apply(withSecret(canary));
    expect(host.writes).toMatchObject([{ path: '/run/provision-docker.4711.8150.AbC123/env', mode: '0600' }]);
    expect((host.writes[0]!.content as Secret).reveal()).toBe(`TOKEN=${canary}\n`);
    const seen = JSON.stringify([host.runs, host.probes, host.progressed, docker.containers]);
    expect(seen).not.toContain(canary);
    expect(host.runs.at(-1)).toBe('rm -rf -- /run/provision-docker.4711.8150.AbC123');
  });

  it('show that they differ, never how, and re-create the container', async () => {
    await apply(withSecret(canary));
    const { id } = docker.named('web')!;
    expect(await changesOf(withSecret(canary))).toEqual([]);
    expect(await changesOf(withSecret('another'))).toEqual([
      { type: 'secret', path: 'secretEnv', have: 'differs' },
    ]);
    await apply(withSecret('another'));
    expect(docker.named('web')!.id).not.toBe(id);
    expect(await changesOf(withSecret('another'))).toEqual([]);
  });

  it('are removed from the host also when the container does not start', async () => {
    docker.behaviours.set('example/web:1', 'refuses');
    await failure(withSecret(canary));
    expect(host.runs.at(-1)).toBe('rm -rf -- /run/provision-docker.4711.8150.AbC123');
  });
});

describe('what a hostile host prints', () => {
  it('is never more than a container that looks strange', async () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          id: fc.constant('a'.repeat(64)),
          name: fc.anything(),
          state: fc.anything(),
          labels: fc.anything(),
        })
        .map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line), async (lines) => {
        host.answer('docker ps --all', lines.join('\n'));
        expect((await changesOf(props)).length).toBeGreaterThan(0);
      }),
    );
  });
});
