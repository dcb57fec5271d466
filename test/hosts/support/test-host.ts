import { createHash, randomBytes } from 'node:crypto';
import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';
import { engine, hasImage } from './engine.ts';
import { hostImage, type HostSoftware } from './host-image.ts';
import type { TestNetwork } from './network.ts';
import { readSnapshot, type HostSnapshot } from './snapshot.ts';
import { currentRun, removeContainer, runLabel, type TestRun } from './test-run.ts';

type HostUser = 'root' | 'deploy' | 'ops';

export interface HostOptions {
  /** Its host name, and its name for other hosts of the network. */
  name: string;
  network?: TestNetwork;
  /** What is installed beforehand: nothing by default. */
  software?: HostSoftware;
  /** Who may log in with the run's key: `root`, `deploy` (sudo without a password) and `ops` (sudo with one) by default. */
  users?: HostUser[];
  /** Lines for `sshd_config`, which come before those of the distribution and so win. */
  sshdConfig?: string;
  /** Ports that are reachable from this machine beside 22, 80 and 443. */
  ports?: number[];
  /**
   * It is going to be restarted. The engine removes hosts that end, and now and then takes the end of a restart for that
   * one; of such a host a stopped container is left when its time is over, until the next run sweeps.
   */
  restarts?: boolean;
  /** The host ends itself after this time, also when the run was killed: 60 by default. */
  lifetimeMinutes?: number;
  run?: TestRun;
}

/**
 * Starts a Debian 12 host with systemd and sshd, and waits until its units are up (2 to 4 s).
 *
 * @throws {Error} when its image is not built, or a unit fails.
 * @example
 * const host = await startHost({ name: 'lb' });
 * await connect({ host: host.address, port: host.port, user: 'deploy', key: host.privateKeyPath });
 */
export async function startHost(options: HostOptions): Promise<TestHost> {
  const { name, network, run = currentRun() } = options;
  const image = hostImage(options.software ?? 'bare');
  // testcontainers would ask a registry for it, and report what is missing here as a trouble of the network.
  if (!(await hasImage(image))) {
    throw new Error(
      `The image ${image} is not built: call ensureHostImages() of test/hosts/support/host-image.ts.`,
    );
  }
  const container = await startContainer(image, options, run);
  const host = new TestHost(name, container, network, run);
  try {
    await host.requireHealthy();
    return host;
  } catch (problem) {
    await host.stop();
    throw problem;
  }
}

// The engine gives out ports that the kernel gives out too, and now and then both choose the same one.
async function startContainer(
  image: string,
  options: HostOptions,
  run: TestRun,
  attempts = 5,
): Promise<StartedTestContainer> {
  const name = `provision-test-${run.id}-${options.name}-${randomBytes(2).toString('hex')}`;
  try {
    return await new HostContainer(image, options)
      .withName(name)
      .withLabels({ [runLabel]: run.id })
      .withExposedPorts(...new Set([22, 80, 443, ...(options.ports ?? [])]))
      .withCopyContentToContainer(perRunFiles(options, run))
      .withWaitStrategy(
        Wait.forSuccessfulCommand('systemctl is-system-running | grep -Eq "running|degraded"'),
      )
      .withStartupTimeout(60_000)
      .withAutoCleanup(false) // its cleaner is an image that would have to be pulled; labels and the timer do its work
      .start();
  } catch (problem) {
    await removeContainer(name);
    if (attempts <= 1 || !String(problem).includes('address already in use')) throw problem;
    return startContainer(image, options, run, attempts - 1);
  }
}

/** A running host. */
export class TestHost {
  readonly name: string;
  /** Where the run's machine reaches it. */
  readonly address = '127.0.0.1';
  readonly privateKeyPath: string;
  readonly container: StartedTestContainer;
  readonly #network: TestNetwork | undefined;
  #hostKey = '';

  constructor(name: string, container: StartedTestContainer, network: TestNetwork | undefined, run: TestRun) {
    this.name = name;
    this.container = container;
    this.privateKeyPath = run.privateKeyPath;
    this.#network = network;
  }

  /** The port of sshd on this machine. Another one after a restart. */
  get port(): number {
    return this.mappedPort(22);
  }

  /** The port on this machine that leads to a port of the host. */
  mappedPort(port: number): number {
    return this.container.getMappedPort(port);
  }

  /** The address by which other hosts reach it. */
  get addressInNetwork(): string {
    return this.container.getIpAddress(this.#network?.name ?? 'bridge');
  }

  /** Of the ed25519 key, in OpenSSH's form: `SHA256:…`. */
  get hostKeyFingerprint(): string {
    const blob = Buffer.from(this.#hostKey.split(' ')[1] ?? '', 'base64');
    return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
  }

  /** For a `known_hosts` file. */
  get knownHostsLine(): string {
    return `[${this.address}]:${this.port} ${this.#hostKey}`;
  }

  /** Runs a shell command as root beside SSH. */
  async exec(command: string): Promise<{ code: number; output: string }> {
    const { exitCode, output } = await this.container.exec(['sh', '-c', command]);
    return { code: exitCode, output };
  }

  /** Runs a shell command as root that has to work, and returns what it printed. */
  async run(command: string): Promise<string> {
    const { code, output } = await this.exec(command);
    if (code !== 0) throw new Error(`${this.name}: ${command}\nended with ${code}:\n${output}`);
    return output;
  }

  /** Writes a file of root's, and the folders above it; not below `/run`, which is mounted over what is written so. */
  async write(path: string, content: string, mode = 0o644): Promise<void> {
    await this.container.copyContentToContainer([{ content, target: path, mode }]);
  }

  /** Unpacks a tar into a folder that exists. */
  async unpack(archive: NodeJS.ReadableStream, folder: string): Promise<void> {
    await (await engine()).getContainer(this.container.getId()).putArchive(archive, { path: folder });
  }

  /** Everything that must not move when nothing is to be changed; `paths` are looked at beside `/etc`. */
  snapshot(paths: string[] = []): Promise<HostSnapshot> {
    return readSnapshot(this, paths);
  }

  /** Restarts it as a power button would. The mapped ports change. */
  async restart(): Promise<void> {
    await this.container.restart({ timeout: 10_000 });
    await this.requireHealthy();
  }

  /** Ends it at once, and waits until nothing of it is left. */
  stop(): Promise<void> {
    return removeContainer(this.container.getId());
  }

  /** @throws {Error} that names the units which failed. */
  async requireHealthy(): Promise<void> {
    const failed = await this.exec('systemctl list-units --failed --plain --no-legend');
    if (failed.output.trim() !== '') throw new Error(`${this.name} has failed units:\n${failed.output}`);
    this.#hostKey = (await this.run('cut -d" " -f1,2 /etc/ssh/ssh_host_ed25519_key.pub')).trim();
  }
}

class HostContainer extends GenericContainer {
  readonly #name: string;
  readonly #network: string | undefined;
  readonly #restarts: boolean;

  constructor(image: string, { name, network, restarts = false }: HostOptions) {
    super(image);
    this.#name = name;
    this.#network = network?.name;
    this.#restarts = restarts;
    this.withHostname(name);
    if (network !== undefined) this.withNetworkMode(network.name);
  }

  protected override async beforeContainerCreated(): Promise<void> {
    for (const bindings of Object.values(
      this.hostConfig.PortBindings as Record<string, { HostIp?: string }[]>,
    )) {
      // A host with known passwords is nobody's business but this machine's.
      for (const binding of bindings) binding.HostIp = '127.0.0.1';
    }
    Object.assign(this.hostConfig, {
      AutoRemove: !this.#restarts,
      CgroupnsMode: 'host',
      Binds: ['/sys/fs/cgroup:/sys/fs/cgroup:rw'],
      Tmpfs: { '/run': '', '/run/lock': '' },
      // What --privileged grants, without the capability that some machines cannot give away.
      CapAdd: ['ALL'],
      CapDrop: ['SYS_RESOURCE'],
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
      Devices: [{ PathOnHost: '/dev/kmsg', PathInContainer: '/dev/kmsg', CgroupPermissions: 'rwm' }],
    });
    if (this.#network === undefined) return;
    this.createOpts.NetworkingConfig = { EndpointsConfig: { [this.#network]: { Aliases: [this.#name] } } };
  }
}

function perRunFiles({ users, sshdConfig, lifetimeMinutes }: HostOptions, run: TestRun) {
  const allowed = users ?? ['root', 'deploy', 'ops'];
  const home = (user: HostUser) => (user === 'root' ? '/root' : `/home/${user}`);
  return [
    // sshd accepts a file of root's for everybody, and a parent that root owns.
    ...allowed.map((user) => file(`${home(user)}/.ssh/authorized_keys`, `${run.publicKey}\n`)),
    ...(sshdConfig === undefined
      ? []
      : [file('/etc/ssh/sshd_config.d/00-this-host.conf', `${sshdConfig}\n`)]),
    ...(lifetimeMinutes === undefined
      ? []
      : [file(`${timer}.d/lifetime.conf`, timerDropIn(lifetimeMinutes))]),
  ];
}

const timer = '/etc/systemd/system/self-destruct.timer';

function timerDropIn(minutes: number): string {
  return `[Timer]\nOnBootSec=\nOnBootSec=${minutes}min\n`;
}

function file(target: string, content: string) {
  return { target, content, mode: 0o644 };
}
