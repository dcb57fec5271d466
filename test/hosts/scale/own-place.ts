/**
 * Runs `$SSH_ORIGINAL_COMMAND` where hosts that are one machine do not share what a host has one of: the place of its lock.
 * Only root can.
 */
export const ownPlace = `unshare -m /bin/sh -c 'mkdir -p /run/provision && mount -t tmpfs none /run/provision && exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'`;
