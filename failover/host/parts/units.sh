# ---- units: a service or a container: how it runs -------------------------------------------------------------------

RESTARTS_MOST=3 RESTARTS_WITHIN=600 # after three restarts in ten minutes the next one will not help

manager() { if [ "$kind" = container ]; then echo docker; elif [ -d /run/systemd/system ]; then echo systemd; else echo sysv; fi; }

main_pid() { # of the service; Postfix's own unit is a wrapper without a process (Debian)
  case $name:$(manager) in
    postfix:*) master_pid; return ;;
    *:systemd) pid=$(bounded 5 systemctl show -p MainPID --value "${name%.service}.service" </dev/null 2>/dev/null) ;;
    *) read -r pid 2>/dev/null <"/run/$name.pid" ;;
  esac
  case $pid in '' | 0 | *[!0-9]*) return 1 ;; esac
  [ -d "/proc/$pid" ] && echo "$pid"
}

has_service() { # a service of this host: enabled at boot, running, or failed; no target, and none for the shutdown
  case $(manager) in
    systemd)
      how=$(bounded 5 systemctl show -p LoadState -p ActiveState -p UnitFileState "${name%.service}.service" </dev/null 2>/dev/null)
      case $how in *LoadState=loaded*) ;; *) return 1 ;; esac
      case $how in *State=active* | *State=activating* | *State=reloading* | *State=failed* | *State=enabled* | *State=generated*) ;; *) return 1 ;; esac ;;
    *) [ -x "/etc/init.d/$name" ] && { main_pid >/dev/null || [ -n "$(find /etc/rc2.d -name "S[0-9][0-9]$name" 2>/dev/null)" ]; } ;;
  esac
}

unit_now() { # $unit: STATE PID STARTED_AT of $kind $name; $born: unique to this start; else 1, and $why
  if [ "$kind" = container ]; then
    unit=$(inspect "$name") || { why=$unit; return 1; }
    born=$(set -- $unit; echo "$2 $3")
    return 0
  fi
  has_service || { why="there is no service $name that this host runs by itself"; return 1; }
  pid=$(main_pid) && stat=$(cat "/proc/$pid/stat" 2>/dev/null) || { unit="stopped - -" born=; return 0; }
  set -- ${stat##*) } # its start is the 22nd field, in ticks of 10 ms since the boot: proc(5)
  born="$pid ${20}"
  unit="running $pid $(date -d "@$(($(date +%s) - $(uptime_s) + ${20} / 100))" +%Y-%m-%dT%H:%M:%SZ)"
}

restarts() { # WHEN KIND/NAME RUN STEP ATTEMPT of those that count; after a clock was set back, more count
  now=$(date +%s)
  while read -r when what rest; do
    [ $((now - when)) -ge $RESTARTS_WITHIN ] || [ "$what" != "$kind/$name" ] || echo "$when $what $rest"
  done 2>/dev/null <"$STATE/restarts"
}

do_unit() { # its state, and the way to restart it
  unit_now || { because $REFUSED "$why"; return; }
  say manager "$(manager)"
  say now $unit
  say restarts "$(restarts | grep -c .)" $RESTARTS_MOST $RESTARTS_WITHIN
}
