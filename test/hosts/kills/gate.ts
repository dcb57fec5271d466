import type { TestHost } from '../support/test-host.ts';

/** Stops once, at the place that is armed: says so in one fifo, and goes on when something comes out of the other. */
const pass = `#!/bin/sh
cd /root/gate 2>/dev/null && [ "$(cat armed)" = "$1" ] || exit 0
: >armed
echo $$ >here
read -r go <released
`;

/** Stand before the real ones in the PATH of a session. */
const wrappers = {
  mv: `for last; do :; done
pass "write $last"
/bin/mv "$@"
code=$?
pass "written $last"
exit $code`,
  rm: `case "$*" in */provision/due/*) pass forget ;; esac
exec /bin/rm "$@"`,
};

// From the gate up to the process of sshd that serves its connection, or to what this one has left behind, and all below it. That
// one comes first: nobody may be told that a script of it was killed.
const processesOfConnection = `listener=$(systemctl show -p MainPID --value ssh)
ps -eo pid=,ppid= | awk -v gate="$gate" -v listener="$listener" '{ parent[$1] = $2 } END {
  for (top = gate; top in parent && parent[top] != listener && parent[top] != 1; top = parent[top]);
  if (!(top in parent)) exit 1
  print top
  for (id in parent) { for (at = parent[id]; at in parent && at != top; at = parent[at]); if (at == top) print id }
}'`;

/** Where a run that is under way on a host can be held, at an exact place of what it does there. */
export class Gate {
  readonly #host: TestHost;

  constructor(host: TestHost) {
    this.#host = host;
  }

  async install(): Promise<void> {
    await this.#host.write('/usr/local/bin/pass', pass, 0o755);
    for (const [name, text] of Object.entries(wrappers))
      await this.#host.write(`/usr/local/bin/${name}`, `#!/bin/sh\n${text}\n`, 0o755);
  }

  /** From now on, what comes to `pass PLACE` first is held there: a script of a test, or `write FILE`, `written FILE`, `forget`. */
  async arm(place: string): Promise<void> {
    await this.#host.run(
      `/bin/rm -rf /root/gate; mkdir /root/gate; cd /root/gate; mkfifo here released; printf %s '${place}' >armed`,
    );
  }

  /** Waits until something is held; returns its process id. */
  async reached(): Promise<number> {
    return Number(await this.#host.run('timeout 60 cat /root/gate/here'));
  }

  /** Lets what is held go on, and waits for the end of the shell that runs it: nobody gives it more to do. */
  async letGoOn(held: number): Promise<void> {
    await this.#host.run(`shell=$(ps -o sid= -p ${held} | tr -d ' ')
timeout 10 sh -c 'echo >/root/gate/released' && timeout 30 tail -s 0.05 --pid=$shell -f /dev/null`);
  }

  /** Kills the connection of what is held, with everything that it runs on the host. */
  async killConnection(held: number): Promise<void> {
    await this.#host.run(`gate=${held}
ids=$(${processesOfConnection}) || exit
# Some end by themselves when the first one has.
kill -KILL $ids 2>/dev/null
for id in $ids; do timeout 30 tail -s 0.05 --pid=$id -f /dev/null || exit; done`);
  }
}
