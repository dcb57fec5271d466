# Makes the users of the odd host. The key of the run is put into /etc/ssh/odd_keys when it starts.
user_password=$1
root_password=$2

# user NAME [LOGIN-SHELL]: has a password; how it becomes root is said below.
user() {
  useradd --create-home --shell "${2:-/bin/bash}" "$1"
  echo "$1:$user_password" | chpasswd
}
# start_file USER PATH: what stands on stdin goes into a file of its home.
start_file() {
  mkdir -p "$(dirname "/home/$1/$2")"
  cat >"/home/$1/$2"
  chown -R "$1:" "/home/$1"
}
sudo_rules() { cat >>/etc/sudoers.d/odd; }

echo "root:$root_password" | chpasswd

# Login shells, clean and with start files that talk.
ln -s /bin/busybox /usr/local/bin/ash
for shell in /bin/bash /bin/dash /usr/bin/fish /bin/tcsh /bin/zsh /usr/local/bin/ash /bin/rbash /usr/sbin/nologin /bin/false; do
  echo "$shell" >>/etc/shells
  user "shell-$(basename "$shell")" "$shell"
done
for shell in bash fish tcsh zsh; do user "noisy-$shell" "$(command -v "$shell")"; done
noise='echo "[sudo] password for me: "; echo "Password: "; echo "0123456789abcdef0123456789abcdef-password"'
noise="$noise; sh -c \"echo '[sudo: root] Password: ' >&2; echo 'doas (me@host) password: ' >&2\""
echo "$noise" | start_file noisy-bash .bashrc
echo "$noise" | start_file noisy-fish .config/fish/config.fish
echo "$noise" | start_file noisy-tcsh .tcshrc
echo "$noise" | start_file noisy-zsh .zshenv

# Environments.
user umask-077; echo 'umask 077' | start_file umask-077 .bashrc
user umask-000; echo 'umask 000' | start_file umask-000 .bashrc
user path-empty; echo 'PATH=' | start_file path-empty .bashrc
user path-unset; echo 'unset PATH' | start_file path-unset .bashrc
user home-missing; rm -rf /home/home-missing
user home-closed; chown root: /home/home-closed; chmod 0555 /home/home-closed
user few-files; echo 'few-files hard nofile 64' >/etc/security/limits.d/few-files.conf
environment() { user "$1"; start_file "$1" .ssh/environment; }
environment env-odd <<'END'
ENV=/home/env-odd/env.sh
BASH_ENV=/home/env-odd/env.sh
LD_PRELOAD=/nonexistent/preload.so
TMPDIR=/nonexistent
GREP_OPTIONS=--color=always
POSIXLY_CORRECT=1
CDPATH=/etc
LS_COLORS=odd
UID=7
http_proxy=http://127.0.0.1:3128
END
start_file env-odd env.sh <<'END'
echo "a start file of ENV ran"; exit 9
END
for locale in de_DE.UTF-8 ja_JP.UTF-8 tr_TR.UTF-8 de_DE.ISO-8859-1 xx_XX.UTF-8; do
  name=$(echo "locale-$locale" | tr 'A-Z._' 'a-z--')
  printf 'LANG=%s\nLC_ALL=%s\nLANGUAGE=%s\n' "$locale" "$locale" "$locale" | environment "$name"
done

# What sshd decides before any shell.
user forced-other; user forced-through; user sftp-only
cat >/etc/ssh/sshd_config.d/20-odd.conf <<'END'
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/odd_keys
Banner /etc/ssh/banner
PermitUserEnvironment yes
Match User forced-other
  ForceCommand echo hello
Match User forced-through
  ForceCommand sh -c "$SSH_ORIGINAL_COMMAND"
Match User sftp-only
  ForceCommand internal-sftp
Match User root-dash,root-bash,root-busybox,root-noproc
  ForceCommand exec /usr/local/sbin/as-$USER
END
printf '[sudo] password for you: \nPassword: \n' >/etc/ssh/banner
printf '\nPassword: \n' >/etc/motd

# Logins of root where /bin/sh is another program, or where there is no /proc: in a mount namespace of their own.
for name in dash bash busybox noproc; do useradd --non-unique --uid 0 --gid 0 --home-dir /root --shell /bin/bash "root-$name"; done
as() { printf '#!/bin/bash\nexec unshare --mount /bin/bash -c %s\n' "'$2; eval \"exec \${SSH_ORIGINAL_COMMAND#exec }\"'" >"/usr/local/sbin/as-$1"; chmod 755 "/usr/local/sbin/as-$1"; }
as root-dash true
as root-bash 'mount --bind /bin/bash /bin/dash'
as root-busybox 'mount --bind /bin/busybox /bin/dash'
as root-noproc 'umount -l /proc'

# Ways to become root.
for name in sudo-free sudo-lecture sudo-zero sudo-tty sudo-tty-free sudo-pty sudo-target sudo-some sudo-none sudo-tries \
  su-user su-free su-denied doas-user doas-free doas-none expired; do user "$name"; done
sudo_rules <<'END'
%odd ALL=(ALL:ALL) NOPASSWD: ALL
sudo-free ALL=(ALL:ALL) NOPASSWD: ALL
sudo-tty-free ALL=(ALL:ALL) NOPASSWD: ALL
sudo-lecture,sudo-zero,sudo-tty,sudo-pty,sudo-target,sudo-tries,expired ALL=(ALL:ALL) ALL
sudo-some ALL=(ALL:ALL) NOPASSWD: /bin/ls
Defaults:sudo-lecture lecture=always
Defaults:sudo-zero timestamp_timeout=0
Defaults:sudo-tty,sudo-tty-free requiretty
Defaults:sudo-pty use_pty
Defaults:sudo-target targetpw
Defaults:sudo-tries passwd_tries=5
END
chmod 0440 /etc/sudoers.d/odd
visudo -cqf /etc/sudoers.d/odd
groupadd odd
for name in $(cut -d: -f1 /etc/passwd | grep -E '^(shell|noisy|umask|path|home|few|env|locale|forced)-'); do usermod -aG odd "$name"; done
sed -i '1a auth sufficient pam_succeed_if.so quiet use_uid user = su-free\nauth requisite pam_succeed_if.so quiet use_uid user != su-denied' /etc/pam.d/su
printf 'permit doas-user as root\npermit nopass doas-free as root\n' >/etc/doas.conf
chmod 0400 /etc/doas.conf
install -m 4755 /bin/busybox /usr/local/lib/busybox-su
chage -d 0 expired
