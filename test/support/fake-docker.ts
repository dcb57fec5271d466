import { ProvisionError } from '../../src/core/errors.ts';
import type { MemoryHost, MemoryOutput } from '../../src/host/memory-host.ts';

export interface FakeContainer {
  id: string;
  name: string;
  image: string;
  labels: Record<string, string>;
  policy: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  status: 'created' | 'running' | 'exited' | 'paused';
  /** Words of the `docker run` that made it. */
  readonly run: readonly string[];
}

/** How the containers of an image behave once they are started; one that flaps runs whenever somebody looks. */
export type Behaviour = 'runs' | 'loops' | 'flaps' | 'exits' | 'refuses';

/**
 * A Docker Engine with real state behind a MemoryHost: it executes the docker commands of scripts one by one,
 * and can lose the connection between any two of them.
 */
export class FakeDocker {
  readonly containers: FakeContainer[] = [];
  readonly images = new Set<string>();
  /** Every docker command that changes something, in order. */
  readonly commands: string[] = [];
  readonly behaviours = new Map<string, Behaviour>();
  state: 'up' | 'silent' | 'missing' = 'up';
  /** After so many more commands that change something, the connection is gone. */
  commandsLeft = Infinity;
  log = '[FATAL] it does not work';
  #made = 0;

  install(host: MemoryHost): this {
    host.answer(/./, (script) => this.#answer(script));
    host.answer('mktemp -d "/run/provision-docker.', '/run/provision-docker.4711.8150.AbC123\n');
    host.answer(/^rm -rf -- /, '');
    host.answer('journalctl', 'failed to start daemon: iptables not found\n');
    return this;
  }

  named(name: string): FakeContainer | undefined {
    return this.containers.find((container) => container.name === name);
  }

  make(container: Partial<FakeContainer>): FakeContainer {
    const made: FakeContainer = {
      id: (++this.#made).toString(16).padStart(64, '0'),
      name: `container-${this.#made}`,
      image: 'alpine',
      labels: {},
      policy: 'no',
      startedAt: Date.now() - 3_600_000,
      status: 'running',
      run: [],
      ...container,
    };
    this.containers.push(made);
    return made;
  }

  #answer(script: string): MemoryOutput {
    if (this.commandsLeft <= 0) throw lost();
    if (this.state === 'missing') return { code: 127 };
    if (this.state === 'silent') return { code: 69 };
    if (script.includes('docker ps --all --quiet --no-trunc')) return this.#list(script);
    if (script.includes('date +%s; docker inspect'))
      return this.#inspect(/ ([0-9a-f]{64}) /.exec(script)![1]!);
    if (script.includes('docker image inspect')) return this.#image(script);
    if (script.includes('docker logs')) return this.log;
    if (script.includes('mkdir -p')) return '';
    return this.#execute(script);
  }

  #list(script: string): string {
    const name = /label=io\.provision\.container=([^\s')]+)/.exec(script)![1]!;
    const labelled = this.containers.filter((each) => each.labels['io.provision.container'] === name);
    const named = this.containers.filter((each) => [name, `${name}.provision-old`].includes(each.name));
    // What is found in both ways is told twice, as by the client.
    const found = [...labelled, ...named];
    return `${clock()}\n${found.map((each) => this.#describe(each)).join('\n')}\n`;
  }

  #inspect(id: string): MemoryOutput {
    const found = this.containers.find((each) => each.id === id);
    return found ? `${clock()}\n${this.#describe(found)}\n` : { code: 1, stdout: `${clock()}\n` };
  }

  #image(script: string): MemoryOutput {
    return [...this.images].some((image) => script.includes(image)) ? 'sha256:1234\n' : { code: 1 };
  }

  #execute(script: string): MemoryOutput {
    let stdout = '';
    const named = /inspect --type container --format '\{\{.Name\}\}' (\w+)\)" = \/(\S+)/.exec(script);
    for (const [command] of script.matchAll(
      /docker (?:run|stop|update|rename|start|restart|unpause|rm)\b[^&\n]*/g,
    )) {
      if (named && command.startsWith('docker rename') && this.#find(named[1]!).name === named[2]) continue;
      if (this.commandsLeft-- <= 0) throw lost();
      this.commands.push(command.trim());
      const output = this.#command(words(command.replace(/\|\| exit\s*$/, '')).slice(1));
      if (output !== undefined && typeof output !== 'string') return output;
      stdout += output ?? '';
    }
    return stdout;
  }

  #command([verb, ...args]: string[]): MemoryOutput | undefined {
    if (verb === 'run') return this.#run(args);
    if (verb === 'rm' && args[0] === '"$id"') {
      // The loop that removes containers which never ran.
      this.#remove((each) => each.status === 'created');
      return undefined;
    }
    const container = this.#find(verb === 'rename' ? args[0]! : args.at(-1)!);
    switch (verb) {
      case 'stop':
        container.status = 'exited';
        break;
      case 'update':
        container.policy = args[1]!;
        break;
      case 'rename':
        if (this.named(args[1]!)) return { code: 1, stderr: 'name is already in use by container' };
        container.name = args[1]!;
        break;
      case 'rm':
        this.#remove((each) => each === container);
        break;
      default:
        if (container.status !== 'running') container.startedAt = Date.now();
        container.status = 'running';
    }
    return undefined;
  }

  #run(args: readonly string[]): MemoryOutput {
    const value = (option: string) => args[args.indexOf(option) + 1]!;
    const labels = args.flatMap((each, index) => (each === '--label' ? [args[index + 1]!] : []));
    const image = args.find((each) => this.images.has(each));
    if (image === undefined)
      return { code: 125, stderr: 'docker: Error response from daemon: No such image' };
    if (this.named(value('--name')))
      return { code: 125, stderr: 'Conflict. The name is already in use by container x' };
    const refuses = this.behaviours.get(image) === 'refuses';
    const made = this.make({
      name: value('--name'),
      image,
      labels: Object.fromEntries(
        labels.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
      ),
      policy: value('--restart'),
      startedAt: Date.now(),
      status: refuses ? 'created' : 'running',
      run: args,
    });
    if (!refuses) return `${made.id}\n`;
    const stderr =
      'docker: Error response from daemon: Bind for 0.0.0.0:80 failed: port is already allocated.\n';
    return { code: 125, stdout: `${made.id}\n`, stderr };
  }

  #find(id: string): FakeContainer {
    const found = this.containers.find((each) => each.id === id || each.name === id);
    if (!found) throw new Error(`no such container: ${id}`);
    return found;
  }

  #remove(which: (container: FakeContainer) => boolean): void {
    for (const container of this.containers.filter(which))
      this.containers.splice(this.containers.indexOf(container), 1);
  }

  #describe(container: FakeContainer): string {
    const { id, name, image, labels, policy } = container;
    const seconds = Math.floor((Date.now() - container.startedAt) / 1000);
    const behaviour = container.status === 'running' ? (this.behaviours.get(image) ?? 'runs') : 'runs';
    const loops = ['loops', 'flaps'].includes(behaviour) && seconds >= 1;
    const status =
      behaviour === 'exits' ? 'exited' : loops && behaviour === 'loops' ? 'restarting' : container.status;
    const started = loops ? Date.now() : container.startedAt;
    const state = {
      Status: status,
      ExitCode: status === 'running' ? 0 : 1,
      Error: '',
      StartedAt: new Date(started),
    };
    const restarts = loops ? seconds : 0;
    return JSON.stringify({ id, name: `/${name}`, image, state, restarts, policy, labels });
  }
}

function lost(): ProvisionError {
  return new ProvisionError({ code: 'CONN_LOST', happened: 'the connection was lost' });
}

function clock(): number {
  return Math.floor(Date.now() / 1000);
}

/** The words of a command, as a shell would take it apart. */
function words(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|\\'|[^\s'\\])+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|\\'/g, (_, inner: string | undefined) => inner ?? "'"),
  );
}
