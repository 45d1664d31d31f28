# ---- settings: one setting of main.cf or master.cf, read ------------------------------------------------------------

ask() { bounded 5 postconf "$@" </dev/null 2>/dev/null; }

setting() { # FILE KEY: absent only if postconf says so; `?`, and a failure, if it does not answer
  case $1:$2 in
    hold:*) held "$2" && return; false ;;
    main.cf:*) found=$(ask -n "$2") ;;
    *:*/*/*) found=$(ask -P "$2") ;;
    *) found=$(ask -M "$2") && found=$(fold "$found") && found=${found:+=$found} ;;
  esac || { [ -z "$scratch" ] || true >"$scratch/unsaid"; echo '?'; return 1; }
  case $found in '') echo - ;; *) found=${found#*=}; printf '=%s\n' "${found# }" ;; esac
}

UNSAID='postconf did not answer, or could not read the configuration'
all_said() { [ ! -e "$scratch/unsaid" ]; } # could all settings be read until now?

read_config() { # all of it, once a verb, before a change; in variables, since a look may not write files
  conf_xn=$(ask -xn) && conf_x=$(ask -x) && conf_xP=$(ask -xP '*/*/*') && conf_M=$(ask -M)
}

dump() { # -xn | -xP | -x | -M: the output of postconf then
  case $1 in -xn) set -- "$conf_xn" ;; -x) set -- "$conf_x" ;; -xP) set -- "$conf_xP" ;; -M) set -- "$conf_M" ;; esac
  [ -z "$1" ] || printf '%s\n' "$1"
}

of_main() { dump -x | sed -n "s/^$1 = *//p"; } # PARAMETER: its value, set or not

places() { # PLACE VALUE: everywhere content_filter is set, even if empty; $names expanded
  dump -xn | sed -n 's/^content_filter = */main\t/p'
  dump -xP | sed -n 's,^\([^ ]*\)/content_filter = *,\1\t,p'
}
digests() { for file in main.cf master.cf; do say digest $file "$(sha "$config_dir/$file")"; done; }

queue_dir() { ask -h queue_directory | grep .; } # fails if postconf does not tell
to_queue() { _queue=$(queue_dir) && cd "$_queue" || return; } 2>/dev/null

master_pid() { # of the running master; 1: it does not run, 2: nobody can tell
  _queue=$(queue_dir) || return 2
  pid=
  [ ! -e "$_queue/pid/master.pid" ] || read -r pid _ 2>/dev/null <"$_queue/pid/master.pid"
  case $pid in '' | *[!0-9]*) ;; *) ! is "$pid" master || { echo "$pid"; return; } ;; esac
  stopped "$_queue" || return 2
  return 1
}

# Its pid may be missing, or of another pid namespace (a container). A running master has a lock on its pid file, which is
# visible across namespaces, and the queue as its folder.
stopped() { # QUEUE_DIR: does surely no master run there?
  [ ! -e "$1/pid/master.pid" ] || flock -s -n "$1/pid/master.pid" true 2>/dev/null || return 1
  ! find /proc -maxdepth 2 -path '/proc/[0-9]*/comm' -exec grep -lxs master {} + | sed 's/comm$/cwd/' | xargs -r readlink | grep -qxF -e "$1"
}

UNSEEN='whether Postfix runs cannot be told: postconf does not say where its queue is, or a master works there that its pid file does not name (another pid namespace?)'
postfix_no() { # why we cannot act on a running Postfix, or nothing
  master_pid >/dev/null
  case $? in 0) ;; 1) echo "Postfix is not running" ;; *) echo "$UNSEEN" ;; esac
}

children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }

do_settings() {
  scratch_somewhere || return
  for pair; do
    case $pair in s[1-9]*=*) say setting "${pair#*=}" ;; esac
  done | while IFS=":$TAB" read -r _ file key; do say setting "$file" "$key" "$(setting "$file" "$key")"; done
  all_said || { because $FAILED "$UNSAID"; return; }
  ! unloaded || { because $FAILED "$UNLOADED"; return; }
  digests
}
