#!/bin/bash
# Hold what the places of a lab share: a bridge in a network of its own, and the unpacked layer in memory.
# usage: lan.sh FOLDER LAYER.tar
set -eu
# shellcheck source=apart.sh
. "${0%/*}/apart.sh"
apart net mnt
folder=$1 tar=$2
mount -t tmpfs -o size=2g,mode=755 lab "$folder/layer"
tar --xattrs '--xattrs-include=*' --numeric-owner -C "$folder/layer" -xf "$tar"
# A bridge holds a new port back for forward_delay (15 s) even without spanning tree.
ip link add br0 type bridge forward_delay 0 stp_state 0
ip link set br0 up
echo $$ >"$folder/lan/pid.new"
mv "$folder/lan/pid.new" "$folder/lan/pid"
exec sleep infinity
