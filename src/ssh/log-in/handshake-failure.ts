import type { ProvisionError } from '../../core/errors.ts';
import type { AlgorithmLists } from '../identity/algorithm-lists.ts';
import type { Authentication } from './authenticate.ts';
import { PassingFailure } from './open-socket.ts';
import type { SshTarget } from '../target.ts';
import { oneLine, targetError } from '../target.ts';

/** What a failed handshake means, from the error of ssh2 and the first bytes that the host sent. */
export function explainHandshake(
  target: SshTarget,
  error: unknown,
  greeting: string,
  authentication: Authentication,
  lists: AlgorithmLists,
): ProvisionError | PassingFailure {
  const { message, level } = error as Error & { level?: string };
  if (level === 'client-authentication' || /too many authentication failures/i.test(message))
    return authentication.failure();
  if (/no matching|strict KEX/i.test(message)) return noCommonAlgorithm(target, message, lists);
  if (level === 'client-timeout') return neverReady(target, greeting);
  if (level === 'agent') return agentFailed(target, message);
  if (greeting !== '' && !/^SSH-/m.test(greeting)) return notSsh(target, greeting);
  return droppedEarly(target, message, greeting);
}

const untouched = 'host untouched';

function noCommonAlgorithm(target: SshTarget, message: string, lists: AlgorithmLists): ProvisionError {
  return targetError(
    target,
    'ALGORITHM',
    `no common ground with the SSH server: ${oneLine(message)}${lists.ofFailure(message)}`,
    {
      hostState: untouched,
      remedy:
        'update the SSH server, or enable there curve25519-sha256, aes128-gcm@openssh.com and an Ed25519 host key',
    },
  );
}

function neverReady(target: SshTarget, greeting: string): ProvisionError {
  const where = `${target.address}:${target.port}`;
  const happened =
    greeting === ''
      ? `${where} accepts connections but never says that it is an SSH server`
      : `${where} did not finish the login in time`;
  return targetError(target, 'CONN_TIMEOUT', happened, {
    hostState: untouched,
    remedy: 'check the port and the load of the host; raise the connect timeout for a slow link',
  });
}

function agentFailed(target: SshTarget, message: string): ProvisionError {
  return targetError(target, 'AUTH', `the SSH agent did not sign: ${oneLine(message)}`, {
    hostState: untouched,
    remedy: 'confirm the use of the key in the agent, or name a key file in the inventory',
  });
}

function notSsh(target: SshTarget, greeting: string): ProvisionError | PassingFailure {
  const where = `${target.address}:${target.port}`;
  const said = oneLine(greeting.slice(0, 80));
  // sshd says so in plain text before its identification when it turns connections away.
  if (/^(Exceeded MaxStartups|Not allowed at this time)/.test(greeting)) {
    const happened = `${where} turns connections away: "${said}"`;
    const remedy =
      'wait, or raise MaxStartups or PerSourcePenalties in sshd_config, or connect to fewer hosts at once';
    return new PassingFailure(
      targetError(target, 'CONN_REFUSED', happened, { hostState: untouched, remedy }),
      true,
    );
  }
  return targetError(target, 'NOT_SSH', `${where} is not an SSH server: it says "${said}"`, {
    hostState: untouched,
    remedy: 'check the port in the inventory',
  });
}

function droppedEarly(target: SshTarget, message: string, greeting: string): ProvisionError | PassingFailure {
  const where = `${target.address}:${target.port}`;
  const error = targetError(
    target,
    'CONN_LOST',
    `${where} ended the connection during the login: ${oneLine(message)}`,
    {
      hostState: untouched,
      remedy: 'look at the log of sshd; MaxStartups, a firewall or fail2ban also end connections this early',
    },
  );
  return greeting === '' ? new PassingFailure(error) : error;
}
