# ---- agents: the processes that deliver through a filter ------------------------------------------------------------

transports() { # NAME: pids of its delivery agents, the children of our master that were started with that name
  for pid in $(children "$(master_pid)"); do echo "/proc/$pid/cmdline"; done |
    xargs -r grep -lzxF -e "$1" 2>/dev/null | cut -d / -f 3
}

is() { read -r comm 2>/dev/null <"/proc/$1/comm" && [ "$comm" = "$2" ]; } # PID COMM

frozen_still() { # PID PARENT: after SIGSTOP, is it stopped and still that parent's child?
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    set -- "$1" "$2" ${stat##*) }
    [ "${4-}" = "$2" ] || return 1
    [ "$3" != T ] || return 0
    sleep 0.01
  done
  return 1
}

# A spamc that hangs in the filter is ended, so that its mail is deferred and tried again the new way. But
# `spamc -e` hands over by fork, then exec of sendmail in the parent: ended after the fork, the mail would be
# delivered twice (sendmail has it) or cut short (sendmail reads the end of a pipe). So: stop it, then look.
# A lone spamc has handed over nothing; anything else goes on undisturbed.
end_waiting() { # NAME COMMAND
  ended=0 calm=0
  while [ "$calm" -lt 3 ] && [ "$(left_s)" -gt 2 ]; do
    calm=$((calm + 1))
    for agent in $(transports "$1"); do
      for pid in $(children "$agent"); do
        is "$pid" spamc || continue
        calm=0
        kill -STOP "$pid" 2>/dev/null || continue
        if frozen_still "$pid" "$agent" && is "$pid" spamc && [ -z "$(children "$pid")" ]; then
          kill -KILL "$pid" && ended=$((ended + 1))
        fi
        kill -CONT "$pid" 2>/dev/null
      done
    done
    sleep 0.1
  done
  say ended $ended
}

still_left() { # NAME KIND COMMAND: deliveries that still go the old way
  n=0
  for agent in $(transports "$1"); do
    case $2 in
      pipe) for pid in $(children "$agent"); do is "$pid" "$(printf %.15s "$3")" && n=$((n + 1)); done ;;
      *) is "$agent" "$2" && n=$((n + 1)) ;;
    esac
  done
  say left $n
}
