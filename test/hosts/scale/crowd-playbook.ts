import { boolean, inventory, path, playbook, requirement, resource, sh } from 'provision';

const site = inventory({ crowd: { folder: path(), fails: boolean().default(false) } });

interface Line {
  readonly path: string;
  readonly text: string;
}

/** A line in a file: needs no root, and can be looked at from outside. */
const line = resource({
  kind: 'line',
  want: (props: Line) => props,
  id: (want) => want.path,
  async read(host, want) {
    const { code, stdout } = await host.probe(sh`cat ${want.path}`);
    return code === 0 ? { path: want.path, text: stdout.trim() } : undefined;
  },
  async apply(host, want) {
    await host.run(sh`printf '%s\n' ${want.text} >${want.path}`, { doing: `writing ${want.path}` });
  },
});

/** Some small steps for many hosts that share one machine. */
export default playbook(
  site.play('crowd', ({ host, vars }) => [
    requirement({
      name: 'shell',
      rule: 'a shell',
      check: async (each) => ({ level: 'pass', figure: (await each.probe(sh`echo $0`)).stdout.trim() }),
    }),
    line({ path: `${vars.folder}/${host.name}.first`, text: 'first' }),
    // A folder that nobody makes, for those who are to fail.
    line({ path: `${vars.folder}/${vars.fails ? 'nowhere/' : ''}${host.name}.second`, text: host.name }),
  ]),
);
