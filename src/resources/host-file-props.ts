import { ProvisionError, throwProblems, type Problem } from '../core/errors.ts';
import { callSite } from '../core/source.ts';
import { hostPathProblem } from '../host/host-path.ts';

interface HostFileProps {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** @throws ProvisionError `PLAYBOOK` with everything that makes no sense about a path, its mode and its owner */
export function checkHostFile({ path, mode, owner, group }: HostFileProps): void {
  const problems: Problem[] = [];
  const refuse = (happened: string, remedy: string) =>
    problems.push({ code: 'PLAYBOOK', at: callSite(), happened, remedy });
  const fault = path === '/' ? 'is the root of all folders' : hostPathProblem(path);
  if (fault) refuse(`the path ${JSON.stringify(path)} ${fault}`, 'give the absolute path on the host');
  if (!/^[0-7]{4}$/.test(mode)) {
    refuse(`${JSON.stringify(mode)} is not a mode`, "give four octal digits in quotes, such as '0644'");
  }
  for (const [role, name] of Object.entries({ owner, group })) {
    if (accountName.test(name)) continue;
    refuse(`${JSON.stringify(name)} is no ${role}`, 'give the name of an account of the host');
  }
  throwProblems(problems);
}

/** @throws ProvisionError `PLAYBOOK` when it is not a name that programs take without mistaking it for an option */
export function checkName(what: string, name: string, grammar: RegExp): void {
  if (grammar.test(name)) return;
  throw new ProvisionError({
    code: 'PLAYBOOK',
    at: callSite(),
    happened: `${JSON.stringify(name)} is no ${what}`,
    remedy: `give the ${what} as the host knows it`,
  });
}

/** @see useradd(8): what it accepts by default */
const accountName = /^[a-z_][a-z0-9_-]{0,31}\$?$/i;
