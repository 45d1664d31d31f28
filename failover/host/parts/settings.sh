# ---- settings: one setting of main.cf or master.cf, read ------------------------------------------------------------

ask() { bounded 5 postconf "$@" </dev/null 2>/dev/null; }

setting() { # FILE KEY: absent only where postconf says so; `?`, and a failure, where it does not answer
  case $1:$2 in
    main.cf:*) found=$(ask -n "$2") ;;
    *:*/*/*) found=$(ask -P "$2") ;;
    *) found=$(ask -M "$2") && found=$(fold "$found") && found=${found:+=$found} ;;
  esac || { [ -z "$scratch" ] || true >"$scratch/unsaid"; echo '?'; return 1; }
  case $found in '') echo - ;; *) found=${found#*=}; printf '=%s\n' "${found# }" ;; esac
}

UNSAID='postconf did not answer, or could not read the configuration'
all_said() { [ ! -e "$scratch/unsaid" ]; } # of all settings that were read until now

read_config() { # all of it, once a verb, before it changes anything; a look may write no file, so it is kept in variables
  conf_xn=$(ask -xn) && conf_x=$(ask -x) && conf_xP=$(ask -xP '*/*/*') && conf_M=$(ask -M)
}

dump() { # -xn | -xP | -x | -M: what postconf printed then
  case $1 in -xn) set -- "$conf_xn" ;; -x) set -- "$conf_x" ;; -xP) set -- "$conf_xP" ;; -M) set -- "$conf_M" ;; esac
  [ -z "$1" ] || printf '%s\n' "$1"
}

of_main() { dump -x | sed -n "s/^$1 = *//p"; } # PARAMETER: its value, set or not

places() { # PLACE VALUE: everywhere content_filter is set, be it to nothing; $names expanded
  dump -xn | sed -n 's/^content_filter = */main\t/p'
  dump -xP | sed -n 's,^\([^ ]*\)/content_filter = *,\1\t,p'
}
digests() { for file in main.cf master.cf; do say digest $file "$(sha "$config_dir/$file")"; done; }

queue_dir() { ask -h queue_directory | grep .; } # fails where postconf does not say
to_queue() { _queue=$(queue_dir) && cd "$_queue" || return; } 2>/dev/null

master_pid() { # of the running master; 1: it does not run, 2: nobody can tell
  _queue=$(queue_dir) || return 2
  read -r pid 2>/dev/null <"$_queue/pid/master.pid" || return 1
  pid=$(fold "$pid")
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  read -r comm 2>/dev/null <"/proc/$pid/comm" && [ "$comm" = master ] && echo "$pid"
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
