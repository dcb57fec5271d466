import { isIP } from 'node:net';
import type { ReadHost } from '../core/host.ts';
import type { Problem } from '../core/errors.ts';
import { problemsOf, throwProblems } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { callSite } from '../core/source.ts';
import type { Observation } from '../core/step.ts';
import { hostPathProblem } from '../host/host-path.ts';
import type { RegistryCredentials } from './docker-credentials.ts';
import { credentialsProblem } from './docker-credentials.ts';
import { parseImageReference } from './docker-image-reference.ts';

/** One published port: `host` on the machine leads to `container`. */
export interface ContainerPort {
  readonly host: number;
  readonly container: number;
  /** IP address of the machine to listen on. Default: all, and then past ufw and firewalld. */
  readonly address?: string;
  /** Default `tcp`. */
  readonly protocol?: 'tcp' | 'udp';
}

/** What a container sees at the path `target`. */
export type ContainerMount =
  | {
      /** A file or directory of the machine. */
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly?: boolean;
      /** Make `source` as a directory (root, 0755) when nothing is there. Default: a missing source is an error. */
      readonly create?: boolean;
    }
  | {
      /** A volume that Docker keeps; made when it is absent and never removed. */
      readonly type: 'volume';
      readonly name: string;
      readonly target: string;
      readonly readOnly?: boolean;
    };

/** When a container counts as up; without it, once it has run for a few seconds and its own health check agrees. */
export interface ContainerReadiness {
  /** What is waited for, for people: `http://10.0.0.5/ping`. */
  readonly describe: string;
  observe(host: ReadHost): Promise<Observation>;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

export interface ContainerProps {
  readonly name: string;
  /** Such as `rancher/rancher:v2.8.5`. A tag that moves is not followed. */
  readonly image: string;
  readonly ports?: readonly ContainerPort[];
  readonly mounts?: readonly ContainerMount[];
  readonly env?: Readonly<Record<string, string>>;
  /** Variables whose values are secret. Everyone who may use Docker on the host can read them with `docker inspect`. */
  readonly secretEnv?: Readonly<Record<string, Secret>>;
  /** Everything after the image. */
  readonly args?: readonly string[];
  readonly privileged?: boolean;
  /** Default `unless-stopped`. Changed in place: the container is not re-created for it. */
  readonly restart?: 'unless-stopped' | 'always' | 'no' | 'on-failure';
  readonly labels?: Readonly<Record<string, string>>;
  /** Such as `{ 'max-size': '10m', 'max-file': '3' }`. */
  readonly logOptions?: Readonly<Record<string, string>>;
  /** How long it may take to stop before it is killed. Default: Docker's, 10 s. */
  readonly stopTimeoutSeconds?: number;
  readonly ready?: ContainerReadiness;
  readonly credentials?: RegistryCredentials;
}

/** The whole wanted state: nothing left out. */
export type ContainerWant = Required<Omit<ContainerProps, 'ready' | 'credentials' | 'stopTimeoutSeconds'>> &
  Pick<ContainerProps, 'ready' | 'credentials' | 'stopTimeoutSeconds'>;

/**
 * The wanted state from what the playbook gave.
 * @throws ProvisionError `PLAYBOOK` with all that is wrong with it
 */
export function containerWant(props: ContainerProps): ContainerWant {
  const want: ContainerWant = {
    ports: [],
    mounts: [],
    env: {},
    secretEnv: {},
    args: [],
    privileged: false,
    restart: 'unless-stopped',
    labels: {},
    logOptions: {},
    ...props,
  };
  throwProblems(
    [
      ...nameProblems(want),
      ...imageProblems(want),
      ...want.ports.flatMap(portProblems),
      ...duplicates(want.ports.map(listens), 'publishes two ports at'),
      ...want.mounts.flatMap(mountProblems),
      ...duplicates(
        want.mounts.map((mount) => mount.target),
        'mounts two things at',
      ),
      ...environmentProblems(want),
      ...textProblems(want),
      ...numberProblems(want),
    ].map((problem) => toProblem(want.name, problem)),
  );
  return want;
}

/** Labels that begin with this are provision's own. */
export const labelPrefix = 'io.provision.';

const containerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const variableName = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
// A line of an env file may not be longer than 64 kB, or Docker refuses the file.
const longestSecret = 60_000;

interface Fault {
  readonly happened: string;
  readonly remedy?: string;
}

function toProblem(name: string, { happened, remedy }: Fault): Problem {
  return {
    code: 'PLAYBOOK',
    at: callSite(),
    happened: `container ${JSON.stringify(name)} ${happened}`,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function nameProblems({ name }: ContainerWant): Fault[] {
  if (containerName.test(name)) return [];
  return [
    {
      happened: 'has a name that Docker does not accept',
      remedy: 'use letters, digits and _ . -, at least two',
    },
  ];
}

function imageProblems({ image, credentials }: ContainerWant): Fault[] {
  try {
    const mismatch = credentialsProblem(parseImageReference(image), credentials);
    return mismatch === undefined ? [] : [{ happened: `gives ${mismatch}` }];
  } catch (error) {
    return problemsOf(error).map(({ happened, remedy }) => ({
      happened: `has a faulty image: ${happened}`,
      ...(remedy === undefined ? {} : { remedy }),
    }));
  }
}

function portProblems({ host, container, address }: ContainerPort): Fault[] {
  const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;
  return [
    ...[host, container]
      .filter((port) => !isPort(port))
      .map((port) => ({ happened: `publishes the port ${port}`, remedy: 'use a number from 1 to 65535' })),
    ...(address !== undefined && isIP(address) === 0
      ? [{ happened: `listens on ${JSON.stringify(address)}, which is no IP address` }]
      : []),
  ];
}

function listens({ address = '0.0.0.0', host, protocol = 'tcp' }: ContainerPort): string {
  return `${address} ${host}/${protocol}`;
}

function mountProblems(mount: ContainerMount): Fault[] {
  const paths = mount.type === 'bind' ? [mount.source, mount.target] : [mount.target];
  const faults = paths.flatMap((path) => {
    const problem = hostPathProblem(path);
    return problem === undefined ? [] : [{ happened: `mounts ${JSON.stringify(path)}, which ${problem}` }];
  });
  if (mount.type === 'volume' && !containerName.test(mount.name)) {
    faults.push({
      happened: `mounts the volume ${JSON.stringify(mount.name)}, a name that Docker does not accept`,
    });
  }
  return faults;
}

function environmentProblems({ env, secretEnv }: ContainerWant): Fault[] {
  const names = [...Object.keys(env), ...Object.keys(secretEnv)];
  return [
    ...names
      .filter((name) => !variableName.test(name))
      .map((name) => ({ happened: `sets ${JSON.stringify(name)}, which is no name of a variable` })),
    ...duplicates(names, 'sets twice, open and secret,'),
    ...Object.entries(secretEnv).flatMap(([name, secret]) => {
      const value = secret.reveal();
      // They travel in an env file, where a line break ends the value.
      if (/[\0\r\n]/.test(value))
        return [{ happened: `sets ${name} to a secret with a line break`, remedy: 'mount a file instead' }];
      if (value.length > longestSecret)
        return [{ happened: `sets ${name} to a secret that is too long`, remedy: 'mount a file instead' }];
      return [];
    }),
  ];
}

function textProblems({ args, env, labels, logOptions }: ContainerWant): Fault[] {
  const texts: [string, string][] = [
    ...args.map((text, index): [string, string] => [`argument ${index + 1}`, text]),
    ...Object.entries(env),
    ...Object.entries(labels).flatMap(([key, text]): [string, string][] => [
      ['a label', key],
      [key, text],
    ]),
    ...Object.entries(logOptions).flatMap(([key, text]): [string, string][] => [
      ['a log option', key],
      [key, text],
    ]),
  ];
  const control = /[\0-\x08\x0b-\x1f\x7f]/;
  return [
    ...texts
      .filter(([, text]) => control.test(text))
      .map(([what]) => ({ happened: `has a control character in ${what}` })),
    ...[...Object.keys(labels), ...Object.keys(logOptions)]
      .filter((key) => key === '' || key.includes('='))
      .map((key) => ({ happened: `has a label or log option with the name ${JSON.stringify(key)}` })),
    ...Object.keys(labels)
      .filter((key) => key.startsWith(labelPrefix))
      .map((key) => ({
        happened: `sets the label ${key}`,
        remedy: `labels that begin with ${labelPrefix} are provision's own`,
      })),
  ];
}

function numberProblems({ stopTimeoutSeconds, ready }: ContainerWant): Fault[] {
  const isWhole = (value: number) => Number.isSafeInteger(value) && value >= 0;
  return [
    ...(stopTimeoutSeconds === undefined || isWhole(stopTimeoutSeconds)
      ? []
      : [{ happened: `may take ${stopTimeoutSeconds} seconds to stop`, remedy: 'give whole seconds' }]),
    ...(ready === undefined || ready.timeoutMs > 0 ? [] : [{ happened: 'has no time to become ready' }]),
  ];
}

function duplicates(keys: readonly string[], what: string): Fault[] {
  const twice = keys.filter((key, index) => keys.indexOf(key) !== index);
  return [...new Set(twice)].map((key) => ({ happened: `${what} ${key}` }));
}
