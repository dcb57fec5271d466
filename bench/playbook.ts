import {
  choice,
  directory,
  file,
  fileTree,
  inventory,
  largeFile,
  localFolder,
  playbook,
  renderTemplate,
  resource,
  Script,
  sh,
  type Step,
} from 'provision';
import { oneCommand, templateFile, twentyCommands, typicalSteps, type BenchStep } from './steps.ts';

const workloads: Record<string, readonly BenchStep[]> = {
  none: [],
  one: oneCommand,
  twenty: twentyCommands,
  typical: typicalSteps,
};

/** The steps of the benchmark, in the words of provision. */
const site = inventory({
  bench: { workload: choice('none', 'one', 'twenty', 'typical') },
  upload: { source: largeFile() },
  tree: { source: localFolder() },
});

interface CommandProps {
  readonly name: string;
  readonly run: string;
  readonly creates?: string;
}

/** With `creates` that is looked at; without, the command is what is looked at, and its exit status is the state. */
const command = resource<CommandProps, CommandProps, { readonly name: string }>({
  kind: 'command',
  want: (props) => props,
  id: (want) => want.name,
  async read(host, { name, run, creates }) {
    const script = creates === undefined ? Script.fromTrusted(run) : sh`[ -e ${creates} ]`;
    return (await host.probe(script)).code === 0 ? { name } : undefined;
  },
  diff: (have, want) => (have ? [] : [{ type: 'value', path: 'done', want: want.name }]),
  apply: async (host, want) =>
    void (await host.run(Script.fromTrusted(want.run), { doing: `running ${want.name}` })),
});

function stepOf(step: BenchStep): Step {
  switch (step.kind) {
    case 'directory':
      return directory({ path: step.path, mode: step.mode });
    case 'file':
      return file({ path: step.path, mode: step.mode, content: step.content });
    case 'template':
      return file({ path: step.path, mode: step.mode, content: renderTemplate(templateFile, step.view) });
    case 'command':
      return command(step);
  }
}

export default playbook(
  site.play('bench', ({ vars }) => workloads[vars.workload]!.map(stepOf)),
  site.play('upload', ({ vars }) => [file({ path: '/srv/upload', source: vars.source })]),
  site.play('tree', ({ vars }) => [fileTree({ path: '/srv/upload', source: vars.source })]),
);
