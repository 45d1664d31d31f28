#!/bin/bash
# Become a lab host: build its root, move into it, hand over to its boot script as process 1.
# Started in fresh mount, uts, ipc, pid and net namespaces, all mounts private.
# usage: host.sh FOLDER LAYER NAME [TREE...]    FOLDER: the host's run folder; TREE: shown at the same path inside
set -eu
# shellcheck source=apart.sh
. "${0%/*}/apart.sh"
apart net mnt uts ipc pid
folder=$1 layer=$2 name=$3
shift 3

read -r pid _ </proc/self/stat # our pid as the machine sees it: /proc is still the machine's
echo "$pid" >"$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"

at=$folder/root
mount -t tmpfs -o size=2g,mode=755 lab "$at"
mkdir "$at"/{upper,work,new,spool}
mount -t overlay -o "lowerdir=$layer:/,upperdir=$at/upper,workdir=$at/work,redirect_dir=off,metacopy=off,index=off" \
  lab "$at/new"
new=$at/new

mount -t proc proc "$new/proc"
mount -t sysfs sysfs "$new/sys"
mount -t tmpfs -o mode=755 dev "$new/dev"
for node in null zero full random urandom tty; do
  : >"$new/dev/$node"
  mount --bind "/dev/$node" "$new/dev/$node"
done
ln -s /proc/self/fd "$new/dev/fd"
ln -s pts/ptmx "$new/dev/ptmx"
mkdir "$new"/dev/{pts,shm}
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$new/dev/pts"
mount -t tmpfs -o mode=1777 shm "$new/dev/shm"
mount -t tmpfs -o mode=755 run "$new/run"
mount -t tmpfs -o mode=1777 tmp "$new/tmp"
mount -t tmpfs -o mode=755 log "$new/var/log"

# After the tmpfs above: a checkout may lie in /tmp.
for tree in "$@"; do
  mkdir -p "$new$tree"
  mount --bind "$tree" "$new$tree"
  mount -o remount,bind,ro "$new$tree"
done

# Queue files are named after their inode, and there may be 100,000 of them: the spool is no overlay.
if [ -d "$new/var/spool/postfix" ]; then
  mount -t tmpfs -o size=1g,nr_inodes=1m,mode=755 spool "$at/spool"
  cp -a "$new/var/spool/postfix/." "$at/spool/"
  mount --bind "$at/spool" "$new/var/spool/postfix"
fi

# The machine's keys and shell start-up files do not belong on a lab host.
rm -rf "$new/root/.ssh" "$new/root/.bashrc" "$new/root/.bash_profile" "$new/root/.profile" "$new/root/.netrc"
sed -i 's/^root:!*/root:/' "$new/etc/shadow" # sshd turns a locked account away, keys or not
rm -f "$new/etc/resolv.conf"
cp -a --no-preserve=ownership "$folder/files/." "$new/"
mkdir -p "$new/run/lab" "$new/var/lib/handler" "$new/run/sshd"
mount --bind "$folder/shared" "$new/run/lab"
mount --bind "$folder/handler" "$new/var/lib/handler"
hostname "$name"

mkdir "$new/.old"
cd "$new"
pivot_root . .old
umount -l /.old
rmdir /.old
exec /usr/local/sbin/lab-boot
