# shellcheck shell=bash
# Sourced first by each script here that changes networks or mounts: goes on only in namespaces apart from those
# in which `failover lab` stands, which tells them by FAILOVER_LAB_OUTSIDE.
# Not compared with process 1: root may be refused a look at it (seen in a container), and it need not be the machine's.
# usage: . apart.sh; apart KIND...    KIND: as in /proc/self/ns. Exits 4, with nothing changed.
apart() {
  local kind ours
  for kind in "$@"; do
    ours=$(readlink "/proc/self/ns/$kind") && [ -n "$ours" ] || ours=unreadable
    case " ${FAILOVER_LAB_OUTSIDE-} " in
      *" $ours "*) refuse "the $kind namespace here is that of whoever started it" ;;
      *" $kind:["*) [ "$ours" != unreadable ] || refuse "/proc/self/ns/$kind cannot be read" ;;
      *) refuse "it was not started by the lab" ;;
    esac
  done
}

refuse() {
  echo "${0##*/}: refused, nothing was changed: $1. It is no command of its own: failover lab up" >&2
  exit 4
}
