# ---- bounds: time and disk: nothing waits for ever, and what is written is on the disk ------------------------------

uptime_s() { read -r up _ </proc/uptime; echo "${up%%.*}"; } # monotonic, whole seconds
left_s() { echo $((deadline - $(uptime_s))); }

bounded() { # SECONDS COMMAND...: ended after SECONDS or when our own time is up, whichever is first
  most=$1 rest=$(left_s)
  shift
  [ "$rest" -lt "$most" ] && most=$rest
  [ "$most" -ge 1 ] || return 124
  timeout -k 1 "$most" "$@" 9>&-
}

quietly() { bounded "$@" </dev/null >/dev/null 2>&1; }
quietly_from() { _from=$1; shift; bounded 30 "$@" <"$_from" >/dev/null 2>&1; }

fold() { set -- $1; printf '%s' "$*"; } # runs of white space to one space

put() { # FILE: stdin becomes its whole content, on the disk before this returns
  cat >"$1.tmp" && sync "$1.tmp" && mv -f "$1.tmp" "$1" && sync "${1%/*}"
}

sha() { sha256sum <"$1" | cut -d ' ' -f 1; }
