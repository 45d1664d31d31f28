#!/bin/bash
# Hold a seat: a network of its own on the machine's real root, with the lab's names in place of the machine's.
# usage: seat.sh FOLDER    with hosts and resolv.conf in FOLDER/files/etc
set -eu
# shellcheck source=apart.sh
. "${0%/*}/apart.sh"
apart net mnt
folder=$1
for file in hosts resolv.conf; do
  mount --bind "$folder/files/etc/$file" "$(readlink -f "/etc/$file")"
done
mount -t sysfs sysfs /sys 2>/dev/null || true # the machine's own would show the machine's interfaces
echo $$ >"$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"
exec sleep infinity
