# ---- settings: one setting of main.cf or master.cf, read ------------------------------------------------------------

ask() { bounded 5 postconf "$@" </dev/null 2>/dev/null; }

setting() { # FILE KEY
  case $1 in
    main.cf) found=$(ask -n "$2") ;;
    *) case $2 in
      */*/*) found=$(ask -P "$2") ;;
      *) found=$(fold "$(ask -M "$2")")
         printf '%s\n' "${found:+=}${found:--}"
         return ;;
    esac ;;
  esac
  case $found in '') echo - ;; *) found=${found#*=}; printf '=%s\n' "${found# }" ;; esac
}

dump() { # -xn | -xP | -x | -M: what postconf prints then, of all services; asked once a verb, before it changes anything
  [ -e "$scratch/conf$1" ] || {
    _new=$(mktemp "$scratch/XXXXXXXX") || return
    case $1 in -xP) ask -xP '*/*/*' ;; *) ask "$1" ;; esac >"$_new"
    mv "$_new" "$scratch/conf$1" # whole at once: parts of a look ask at the same time
  }
  cat "$scratch/conf$1"
}

of_main() { dump -x | sed -n "s/^$1 = *//p"; } # PARAMETER: its value, set or not

places() { # PLACE VALUE: everywhere content_filter is set, be it to nothing; $names expanded
  dump -xn | sed -n 's/^content_filter = */main\t/p'
  dump -xP | sed -n 's,^\([^ ]*\)/content_filter = *,\1\t,p'
}
digests() { for file in main.cf master.cf; do say digest $file "$(sha "$config_dir/$file")"; done; }

queue_dir() { ask -h queue_directory; }

master_pid() { # of the running master, or nothing
  read -r pid 2>/dev/null <"$(queue_dir)/pid/master.pid" || return 1
  pid=$(fold "$pid")
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  read -r comm 2>/dev/null <"/proc/$pid/comm" && [ "$comm" = master ] && echo "$pid"
}

children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }

do_settings() {
  for pair; do
    case $pair in s[1-9]*=*) say setting "${pair#*=}" ;; esac
  done | while IFS=":$TAB" read -r _ file key; do say setting "$file" "$key" "$(setting "$file" "$key")"; done
  digests
}
