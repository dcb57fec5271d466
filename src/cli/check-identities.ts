import { throwProblems, type Problem } from '../core/errors.ts';
import { certificateProblem, findCertificate } from '../ssh/log-in/certificate-file.ts';
import { checkKeyFile } from '../ssh/log-in/key-file.ts';
import type { Identity, SshTarget } from '../ssh/target.ts';

type Named = Identity & { readonly host: string; readonly agent?: string };

/**
 * All key files and certificates that are not fit are told at once, before the first of them is used. A certificate that only
 * lies beside its key is told when it is not, and so is left out.
 * @returns warnings
 */
export async function checkIdentities(
  targets: readonly SshTarget[],
  options: { /** Whether a passphrase can be asked for. */ readonly mayAsk: boolean },
): Promise<string[]> {
  const problems: Problem[] = [];
  const warnings = new Set<string>();
  const files = new Map(targets.flatMap(named).map((identity) => [identity.keyFile, identity]));
  for (const identity of files.values()) {
    const { host, keyFile, passphrase } = identity;
    // Whether the agent really has it shows when it is used; a person is asked only when it has not.
    const agent = options.mayAsk ? 'asked for' : identity.agent;
    const problem = await checkKeyFile(keyFile, {
      ...(passphrase && { passphrase }),
      ...(agent !== undefined && { agent }),
    });
    if (problem) problems.push({ ...problem, host });
    const found = await findCertificate(identity, undefined, Date.now());
    if (!found || 'certificate' in found) continue;
    if (identity.certificateFile !== undefined) problems.push({ ...certificateProblem(found), host });
    else warnings.add(`${found.path} — the certificate is not used, only its key: ${found.unusable}`);
  }
  throwProblems(problems);
  return [...warnings];
}

/** Those that somebody has named, of the host and of all hosts on the way to it. */
function named(target: SshTarget): Named[] {
  const { name: host, agent, keyFile, passphrase, certificateFile, identities = [], jump } = target;
  const single = keyFile === undefined ? [] : [{ keyFile, passphrase, certificateFile }];
  const own = [...single, ...identities.filter(({ isDefault }) => !isDefault)].map((identity) => ({
    host,
    keyFile: identity.keyFile,
    ...(agent !== undefined && { agent }),
    ...(identity.passphrase && { passphrase: identity.passphrase }),
    ...(identity.certificateFile !== undefined && { certificateFile: identity.certificateFile }),
  }));
  return [...own, ...(jump ? named(jump) : [])];
}
