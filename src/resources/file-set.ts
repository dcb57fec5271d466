import type { Change } from '../core/change.ts';
import { ProvisionError, throwProblems, type Problem } from '../core/errors.ts';
import { resource } from '../core/resource.ts';
import { callSite } from '../core/source.ts';
import type { ResourceStep } from '../core/step.ts';
import { fileChanges } from './file-changes.ts';
import { applyFileSet } from './file-set-apply.ts';
import { readFileSet, type FileSetHave, type FileSetProps, type FileSetWant } from './file-set-state.ts';
import { checkHostFile, checkName } from './host-file-props.ts';

export type { FileSetFile, FileSetProps } from './file-set-state.ts';

/**
 * Files that stand or fall together, and the service that lives by them. New files are validated beside the live ones, swapped
 * in together, activated, and proved to be served; when any of that fails, the old ones are back and served.
 * @throws ProvisionError `PLAYBOOK` for props that make no sense; when applied `VALIDATION_FAILED`, `ACTION_FAILED`, `NOT_LIVE`
 * @example
 * fileSet({
 *   name: 'nginx',
 *   root: '/etc/nginx',
 *   files: [{ path: '/etc/nginx/conf.d/app.conf', content: configuration }],
 *   validate: sh`nginx -t -q`,
 *   activate: sh`systemctl reload-or-restart nginx`,
 *   observe: async (host) => (await host.request({ port: 80, path: '/' })).headers['x-config'],
 *   expected: hashOf(configuration),
 * })
 */
export function fileSet<Discovered>(props: FileSetProps<Discovered>): ResourceStep {
  // The step never looks into what was discovered: it only hands it back to the functions that know its type.
  return erasedFileSet(props as unknown as FileSetProps<unknown>);
}

const erasedFileSet = resource<FileSetProps<unknown>, FileSetWant, FileSetHave>({
  kind: 'file-set',
  want: (props) => {
    checkProps(props);
    return { remove: [], workFolder: `/var/lib/provision/file-sets/${props.name}`, ...props };
  },
  id: ({ name }) => name,
  read: readFileSet,
  diff: (have, want) => (have ? differences(have, want) : []),
  effects: (_have, { name }) => [{ type: 'reload', what: name }],
  async apply(host, want, have) {
    if (!have?.known) throw notDiscovered(want.name);
    await applyFileSet(host, want, have, () => readFileSet(host, want));
  },
});

function differences(have: FileSetHave, want: FileSetWant): Change[] {
  const { known, files, unknown, surplus, unfinished, serving } = have;
  const changes = files.flatMap((file) =>
    fileChanges(file.found, file.want, (aspect) =>
      aspect === 'content' ? file.want.path : `${file.want.path} ${aspect}`,
    ),
  );
  changes.push(...unknown.map((path): Change => ({ type: 'unknown', path })));
  changes.push(
    ...surplus.map(({ path, type }): Change => ({ type: 'value', path, have: type, want: 'absent' })),
  );
  if (unfinished)
    changes.push({ type: 'value', path: want.workFolder, have: 'left by a run that died', want: 'absent' });
  const path = `${want.name} serves`;
  if (!known || want.isForeseen?.(known.discovered) === true) changes.push({ type: 'unknown', path });
  else if (serving !== known.expected) {
    changes.push({
      type: 'value',
      path,
      ...(serving !== undefined && { have: serving }),
      want: known.expected,
    });
  }
  return changes;
}

function notDiscovered(name: string): ProvisionError {
  return new ProvisionError({
    code: 'STEP_FAILED',
    happened: `what the files of ${name} depend on was not found on the host`,
    hostState: 'nothing was changed',
    remedy: 'install what brings it with an earlier step',
  });
}

function checkProps({ name, root, files, remove = [] }: FileSetProps<unknown>): void {
  checkName('name of a file set', name, /^[a-z0-9][a-z0-9-]{0,63}$/);
  const account = { owner: 'root', group: 'root' };
  for (const path of [root, ...remove]) checkHostFile({ path, mode: '0644', ...account });
  for (const file of files) checkHostFile({ mode: '0644', ...account, ...file });
  const paths = [...files.map(({ path }) => path), ...remove];
  const refusal = (happened: string, remedy: string): Problem[] => [
    { code: 'PLAYBOOK', at: callSite(), happened, remedy },
  ];
  const problems = paths.flatMap((path, index) => {
    if (!path.startsWith(`${root}/`)) return refusal(`${path} is not below ${root}`, 'choose another root');
    if (paths.indexOf(path) === index) return [];
    return refusal(`${path} is given twice`, 'keep one of them');
  });
  throwProblems(problems);
}
