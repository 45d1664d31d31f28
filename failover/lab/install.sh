#!/bin/bash
# Install the lab's packages into an overlay over / and pack what that changed as one tar file.
# Runs in mount and pid namespaces of its own: the machine keeps its packages, users, units and mounts,
# and whatever a postinst might start dies with this script.
# usage: install.sh FOLDER OUT.tar PACKAGE...
set -eu
# shellcheck source=apart.sh
. "${0%/*}/apart.sh"
apart mnt pid
folder=$1 out=$2
shift 2

mount -t tmpfs -o size=4g,mode=755 lab "$folder"
mkdir "$folder"/{upper,work,root}
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work,redirect_dir=off,metacopy=off,index=off" \
  lab "$folder/root"
cd "$folder/root"

mount -t proc proc proc
mount -t tmpfs -o mode=755 dev dev
for node in null zero full random urandom tty; do
  : >"dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd
resolver=$(cat /etc/resolv.conf) # read before /run, where it may really live, is covered
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
rm -f etc/resolv.conf
printf '%s\n' "$resolver" >etc/resolv.conf
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d # no postinst starts a service
chmod 755 usr/sbin/policy-rc.d

inside() { chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
get() { inside apt-get -q -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confnew "$@"; }

echo 'postfix postfix/main_mailer_type select No configuration' | inside debconf-set-selections
get install --no-install-recommends "$@" || {
  get update
  get install --no-install-recommends "$@"
}
printf 'compatibility_level = 3.6\n' >etc/postfix/main.cf
inside postfix set-permissions # two seconds, once here instead of at every start of every host

cd /
umount -R -l "$folder/root" # lazily: a postinst may have left something running, which dies with us
cd "$folder/upper"
# Taken out of the upper layer, not of the overlay: what the machine has there shows again.
rm -rf usr/sbin/policy-rc.d etc/resolv.conf etc/ssh/ssh_host_* var/cache/apt var/lib/apt var/log \
  usr/share/doc usr/share/man usr/share/locale dev proc run tmp
tar --xattrs '--xattrs-include=*' --numeric-owner -cf "$out" .
