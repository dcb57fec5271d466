import { describe, expect, it } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { runArguments } from './container-arguments.ts';
import type { ContainerProps } from './container-want.ts';
import { containerWant } from './container-want.ts';

const props: ContainerProps = { name: 'rancher', image: 'rancher/rancher:v2.8.5' };

function problems(more: Partial<ContainerProps>): string[] {
  try {
    containerWant({ ...props, ...more });
    return [];
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error;
    expect(error.problems.map(({ code }) => code)).not.toContain('BUG');
    return error.problems.map(({ happened }) => happened);
  }
}

describe('props of a container', () => {
  it.each<[string, Partial<ContainerProps>, string]>([
    ['a name', { name: '-x' }, 'name that Docker does not accept'],
    ['an image', { image: 'Rancher:' }, 'faulty image'],
    ['a port', { ports: [{ host: 0, container: 80 }] }, 'port 0'],
    ['an address', { ports: [{ host: 80, container: 80, address: 'eth0' }] }, '"eth0"'],
    [
      'one port twice',
      {
        ports: [
          { host: 80, container: 80 },
          { host: 80, container: 81 },
        ],
      },
      'two ports',
    ],
    ['a relative path', { mounts: [{ type: 'bind', source: 'data', target: '/x' }] }, 'is not absolute'],
    ['a volume', { mounts: [{ type: 'volume', name: 'a/b', target: '/x' }] }, 'volume "a/b"'],
    ['one target twice', { mounts: [volume('one', '/x'), volume('two', '/x')] }, 'two things at /x'],
    ['a variable', { env: { 'A=B': 'x' } }, '"A=B"'],
    ['a variable that is open and secret', { env: { A: 'x' }, secretEnv: { A: secret('y') } }, 'twice'],
    ['a secret of two lines', { secretEnv: { A: secret('x\ny') } }, 'line break'],
    ['a control character', { args: ['\u001b[2J'] }, 'argument 1'],
    ['our own label', { labels: { 'io.provision.spec': 'x' } }, 'io.provision.spec'],
    ['a stop time', { stopTimeoutSeconds: -1 }, '-1 seconds'],
    ['credentials of another registry', { credentials: credentials('registry.example.com') }, 'docker.io'],
  ])('refuse %s that makes no sense', (_, more, text) => {
    const found = problems(more);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(text);
    expect(found[0]).toContain(`container "${more.name ?? 'rancher'}"`);
  });

  it('are all refused in one go', () => {
    expect(problems({ ports: [{ host: 0, container: 70_000 }], args: ['\0'], env: { '': '' } })).toHaveLength(
      4,
    );
  });

  it('never show a secret', () => {
    expect(problems({ secretEnv: { A: secret('hunter2\n') } }).join()).not.toContain('hunter2');
  });
});

describe('arguments of docker run', () => {
  it('put options before the image and arguments after it', () => {
    const want = containerWant({
      ...props,
      ports: [
        { host: 80, container: 80, address: '10.0.0.5' },
        { host: 443, container: 443, address: 'fd00::5' },
        { host: 53, container: 53, protocol: 'udp' },
      ],
      mounts: [
        { type: 'bind', source: '/etc/a,b "c"', target: '/x', readOnly: true },
        { type: 'volume', name: 'data', target: '/var/lib/rancher' },
      ],
      env: { TEXT: "it's\ntwo lines" },
      privileged: true,
      args: ['--no-cacerts', '--privileged'],
      logOptions: { 'max-size': '10m' },
      stopTimeoutSeconds: 60,
    });
    expect(runArguments(want, { labels: { own: '1' }, envFile: '/run/x/env' })).toEqual([
      ...['--detach', '--pull', 'never', '--name', 'rancher', '--restart', 'unless-stopped', '--privileged'],
      ...['--publish', '10.0.0.5:80:80', '--publish', '[fd00::5]:443:443', '--publish', '53:53/udp'],
      ...['--mount', 'type=bind,"source=/etc/a,b ""c""",target=/x,readonly'],
      ...['--mount', 'type=volume,source=data,target=/var/lib/rancher'],
      ...['--env', "TEXT=it's\ntwo lines", '--env-file', '/run/x/env'],
      ...['--log-opt', 'max-size=10m', '--stop-timeout', '60', '--label', 'own=1'],
      'rancher/rancher:v2.8.5',
      ...['--no-cacerts', '--privileged'],
    ]);
  });
});

function volume(name: string, target: string) {
  return { type: 'volume', name, target } as const;
}

function secret(value: string): Secret {
  return new Secret(value, 'test');
}

function credentials(registry: string) {
  return { registry, username: 'me', password: secret('hunter2') };
}
